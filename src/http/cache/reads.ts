import type { CacheRedis, KeyOf } from '../../redis/cache.redis.js';

/** Redis answers nobody else meanwhile. */
const MOST_AT_ONCE = 64;

type Found = (Buffer | null)[];

interface Read {
  keys: (key: KeyOf) => string[];
  answer: (found: Found | undefined) => void;
}

/** What many look for in one turn of the loop goes to Redis as one question: one of his own for each would cost more than what he finds. */
export class Reads {
  private waiting: Read[] = [];

  constructor(private readonly redis: CacheRedis) {}

  /** In the order of the keys; nothing where Redis does not answer. */
  find(keys: Read['keys']): Promise<Found | undefined> {
    return new Promise((answer) => {
      this.waiting.push({ keys, answer });
      if (this.waiting.length === 1) setImmediate(() => void this.ask());
      else if (this.waiting.length === MOST_AT_ONCE) void this.ask();
    });
  }

  private async ask(): Promise<void> {
    const reads = this.waiting;
    this.waiting = [];
    if (reads.length === 0) return;
    let sizes: number[] = [];
    const say = (key: KeyOf) => {
      const each = reads.map(({ keys }) => keys(key));
      sizes = each.map(({ length }) => length);
      return ['MGET', ...each.flat()];
    };
    const found = (await this.redis.ask(say).catch(() => undefined)) as Found | undefined;
    let at = 0;
    for (const [index, { answer }] of reads.entries()) answer(found?.slice(at, (at += sizes[index] ?? 0)));
  }
}
