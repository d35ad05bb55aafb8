import type { Worker } from 'node:cluster';
import { added, type Family, type FiguresAsked, type FiguresTold, type Gathered, lasting, type Part } from '../observability/figures.js';

const DEADLINE_MS = 500;

interface Asked {
  worker: Pick<Worker, 'send' | 'isConnected'>;
  name: string;
}

type Teller = Asked['worker'];

/** Asks all processes for what they measured, for whichever of them was asked for it. */
export class Gathering {
  /** What each said last. */
  private readonly last = new Map<Teller, Part>();
  /** What those had counted that are gone: a sum that fell would look like as much that was counted anew. */
  private past: readonly Family[] = [];
  private round = 0;
  private waiting = new Map<Teller, string>();
  private all: (() => void) | undefined;
  private gathering: Promise<Gathered> | undefined;

  async tell(asker: Teller, members: readonly Asked[]): Promise<void> {
    this.gathering ??= this.gather(members).finally(() => (this.gathering = undefined));
    say(asker, { kind: 'measured', ...(await this.gathering) });
  }

  heard(worker: Teller, { round, families }: FiguresTold & { kind: 'figures' }): void {
    const name = this.waiting.get(worker);
    // Too late, it may be less than what was told since.
    if (name === undefined || round !== this.round) return;
    this.last.set(worker, { process: name, families });
    this.answered(worker);
  }

  /** What a process that ends has counted in all. */
  leaves(worker: Teller, families: readonly Family[]): void {
    this.last.set(worker, { process: '', families: lasting(families) });
  }

  gone(worker: Teller): void {
    const left = this.last.get(worker);
    if (left)
      this.past = added([
        { process: '', families: this.past },
        { ...left, families: lasting(left.families) },
      ]);
    this.last.delete(worker);
    this.answered(worker);
  }

  private answered(worker: Teller): void {
    this.waiting.delete(worker);
    if (this.waiting.size === 0) this.all?.();
  }

  private async gather(members: readonly Asked[]): Promise<Gathered> {
    this.round += 1;
    this.waiting = new Map(members.map(({ worker, name }) => [worker, name]));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, DEADLINE_MS);
      this.all = () => {
        clearTimeout(timer);
        resolve();
      };
      // What is known of the whole system is asked of one, and always of the same.
      members.forEach(({ worker }, at) => say(worker, { kind: 'measure', round: this.round, system: at === members.length - 1 }));
    });
    const { waiting } = this;
    this.waiting = new Map();
    const parts = [...this.last].map(([worker, part]) => (waiting.has(worker) ? { ...part, families: lasting(part.families) } : part));
    return { parts: [{ process: '', families: this.past }, ...parts], asked: members.length, silent: waiting.size };
  }
}

/** Whoever is gone by now is told nothing, and nobody falls over that. */
function say(worker: Teller, message: FiguresAsked): void {
  if (worker.isConnected()) worker.send(message, undefined, undefined, () => undefined);
}
