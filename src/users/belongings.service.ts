import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transactions.js';

/** What one part of the system holds about people, and how it lets go of it. */
export interface Belonging {
  /** Its name in what a person takes along. */
  name: string;
  export(userId: string): Promise<unknown>;
  /** Takes out whatever tells who it was; what others rely on stays. */
  erase(tx: Tx, userId: string): Promise<void>;
  /** Where the name is shown, and it is another one now. */
  renamed?(tx: Tx, userId: string): Promise<void>;
  /** When the person may not come in any more, for now. */
  lockOut?(tx: Tx, userId: string): Promise<void>;
}

/** Every part that knows people brings its own. */
@Injectable()
export class Belongings {
  private readonly parts: Belonging[] = [];

  add(part: Belonging): void {
    this.parts.push(part);
  }

  async export(userId: string): Promise<Record<string, unknown>> {
    const found: Record<string, unknown> = {};
    for (const part of this.parts) found[part.name] = await part.export(userId);
    return found;
  }

  async erase(tx: Tx, userId: string): Promise<void> {
    for (const part of this.parts) await part.erase(tx, userId);
  }

  async renamed(tx: Tx, userId: string): Promise<void> {
    for (const part of this.parts) await part.renamed?.(tx, userId);
  }

  async lockOut(tx: Tx, userId: string): Promise<void> {
    for (const part of this.parts) await part.lockOut?.(tx, userId);
  }
}
