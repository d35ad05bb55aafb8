import { Injectable } from '@nestjs/common';

/** A budget that somebody has for a while, and how much of it is left. */
export interface Allowance {
  name: string;
  limit: number;
  used: number;
  reserved: number;
  remaining: number;
  fullInSeconds: number;
}

/** Every part that gives people a budget brings its own. */
@Injectable()
export class Allowances {
  private readonly parts: ((userId: string) => Promise<Allowance[]>)[] = [];

  add(part: (userId: string) => Promise<Allowance[]>): void {
    this.parts.push(part);
  }

  async of(userId: string): Promise<Allowance[]> {
    return (await Promise.all(this.parts.map((part) => part(userId)))).flat();
  }
}
