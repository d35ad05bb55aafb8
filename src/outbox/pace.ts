import { Injectable } from '@nestjs/common';

/** Events of the last second or two, as a rate. */
export class Pace {
  private current = 0;
  private before = 0;
  private since: number;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.since = now();
  }

  count(): void {
    this.turn();
    this.current += 1;
  }

  perSecond(): number {
    this.turn();
    return Math.max(this.before, this.current);
  }

  private turn(): void {
    const passed = this.now() - this.since;
    if (passed < 1_000) return;
    this.before = passed < 2_000 ? this.current : 0;
    this.current = 0;
    this.since = this.now();
  }
}

/** How fast this process begins the jobs of each queue: what is handed over ahead follows from that. */
@Injectable()
export class Paces {
  private readonly paces = new Map<string, Pace>();

  of(queue: string): Pace {
    let pace = this.paces.get(queue);
    if (!pace) {
      pace = new Pace();
      this.paces.set(queue, pace);
    }
    return pace;
  }
}
