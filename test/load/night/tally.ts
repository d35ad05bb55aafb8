import { within } from '../crowd.js';
import { kinds, type Kind, type Wish } from './mix.js';

export interface Spread {
  requests: number;
  mean: number;
  p50: number;
  p95: number;
  p99: number;
  most: number;
}

export interface Second {
  requests: number;
  p95: number;
  failed: number;
}

/** What came of a night. Times are milliseconds from the moment at which a request was due, whenever it could be sent. */
export interface Outcome {
  seconds: number;
  requests: number;
  perSecond: number;
  /** From the very first, also while nothing else was counted yet. */
  failed: number;
  faults: Record<string, number>;
  all: Spread;
  kinds: Record<Kind, Spread>;
  /** Of what anyone may read, the part that had been kept. */
  hits: number;
  bySecond: Second[];
}

const spreadOf = (times: readonly number[]): Spread => {
  const sorted = Float64Array.from(times).sort();
  const rounded = (ms: number) => (Number.isNaN(ms) ? 0 : Math.round(ms * 10) / 10);
  return {
    requests: sorted.length,
    mean: rounded(sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length),
    ...{ p50: rounded(within(sorted, 0.5)), p95: rounded(within(sorted, 0.95)), p99: rounded(within(sorted, 0.99)) },
    most: rounded(sorted.at(-1) ?? Number.NaN),
  };
};

/** Counts what was due from one moment on. */
export class Tally {
  private readonly times = new Map<Kind, number[]>(kinds.map((kind) => [kind, []]));
  private readonly bySecond: ({ times: number[]; failed: number } | undefined)[] = [];
  private readonly faults = new Map<string, number>();
  private readable = 0;
  private hits = 0;
  /** Gifts that were acknowledged, also while it was not counted yet. */
  gifts = 0;
  /** All that was asked, also while it was not counted yet. */
  asked = 0;
  /** Connections that were opened again. */
  lost = 0;

  constructor(private readonly beganAt: number) {}

  note(wish: Wish, dueAt: number, status: number | string, hit: boolean): void {
    const right = status === wish.status;
    this.asked += 1;
    if (right && wish.kind === 'gifts') this.gifts += 1;
    if (!right) {
      const fault = `${wish.kind}: ${status}`;
      this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
    }
    if (dueAt < this.beganAt) return;
    const second = (this.bySecond[Math.floor((dueAt - this.beganAt) / 1_000)] ??= { times: [], failed: 0 });
    if (!right) {
      second.failed += 1;
      return;
    }
    const ms = performance.now() - dueAt;
    this.times.get(wish.kind)?.push(ms);
    second.times.push(ms);
    if (wish.kind !== 'lists' && wish.kind !== 'campaigns') return;
    this.readable += 1;
    if (hit) this.hits += 1;
  }

  /** How it stands, for whoever watches. */
  get line(): string {
    const { times = [], failed = 0 } = this.bySecond.at(-2) ?? {};
    const { p95 } = spreadOf(times);
    return `${times.length}/s, P95 ${p95} ms${failed > 0 ? `, ${failed} failed` : ''}`;
  }

  outcome(seconds: number): Outcome {
    const all = [...this.times.values()].flat();
    const failed = [...this.faults.values()].reduce((sum, many) => sum + many, 0);
    return {
      seconds,
      requests: all.length + this.bySecond.reduce((sum, second) => sum + (second?.failed ?? 0), 0),
      perSecond: Math.round(all.length / seconds),
      failed,
      faults: Object.fromEntries(this.faults),
      all: spreadOf(all),
      kinds: Object.fromEntries([...this.times].map(([kind, times]) => [kind, spreadOf(times)])) as Record<Kind, Spread>,
      hits: this.readable === 0 ? 0 : this.hits / this.readable,
      bySecond: Array.from(this.bySecond, (second) => ({
        requests: second?.times.length ?? 0,
        p95: spreadOf(second?.times ?? []).p95,
        failed: second?.failed ?? 0,
      })),
    };
  }
}
