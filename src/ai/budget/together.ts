import { isDatabaseAway, isDatabaseBusy } from '../../database/faults.js';

const MOST_MS = 5;
const MOST_AT_ONCE = 100;

interface Asked<W, D> {
  work: W;
  resolve: (done: D | PromiseLike<D>) => void;
  reject: (fault: unknown) => void;
}

/**
 * What comes while some of it is under way is done together, in one commit. Nobody waits for more than a moment, and
 * who comes alone for nothing.
 */
export class Together<W, D> {
  private waiting: Asked<W, D>[] = [];
  private underWay = 0;

  /** Answers in the order of what it is given. */
  constructor(private readonly doAll: (works: readonly W[]) => Promise<readonly (D | PromiseLike<D>)[]>) {}

  do(work: W): Promise<D> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ work, resolve, reject });
      if (this.waiting.length > 1) return;
      if (this.underWay === 0) setImmediate(() => void this.begin());
      else setTimeout(() => void this.begin(), MOST_MS);
    });
  }

  private async begin(): Promise<void> {
    const asked = this.waiting;
    this.waiting = [];
    if (asked.length === 0) return;
    this.underWay += 1;
    const parts = Array.from({ length: Math.ceil(asked.length / MOST_AT_ONCE) }, (_, n) =>
      asked.slice(n * MOST_AT_ONCE, (n + 1) * MOST_AT_ONCE),
    );
    await Promise.all(parts.map((part) => this.carryOut(part)));
    this.underWay -= 1;
    await this.begin();
  }

  private async carryOut(asked: readonly Asked<W, D>[]): Promise<void> {
    try {
      const done = await this.doAll(asked.map(({ work }) => work));
      for (const [n, { resolve }] of asked.entries()) resolve(done[n]!);
    } catch (fault) {
      // Nothing of it was done: what is wrong with one of them is nobody else's fault.
      if (asked.length > 1 && !isDatabaseAway(fault) && !isDatabaseBusy(fault)) await Promise.all(asked.map((one) => this.carryOut([one])));
      else for (const { reject } of asked) reject(fault);
    }
  }
}
