import { Inject, Injectable } from '@nestjs/common';
import { newId } from '../../kernel/ids.js';
import { pause } from '../../kernel/waiting.js';
import type { CacheRedis } from '../../redis/cache.redis.js';
import { CACHE_REDIS } from '../../redis/redis.tokens.js';

const LOCK_MS = 3_000;
const RENEW_MS = 1_000;
/** Whose reader takes nothing for so long does not keep others waiting. */
const STALLED_MS = 2_000;
const FIRST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 200;

const IF_MINE = (act: string) => `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call(${act}) end return 0`;
const RENEW = IF_MINE(`'PEXPIRE', KEYS[1], ARGV[2]`);
const RELEASE = IF_MINE(`'DEL', KEYS[1]`);

/** One question that is being asked, for all who ask the same meanwhile. */
export class Flight {
  private readonly ended = new AbortController();
  private restsSince: number | undefined;
  private readonly token = newId();
  private readonly renewing: NodeJS.Timeout;
  private failure: Error | undefined;
  /** Whether what came of it is nobody else's: who waits need not wait for one another. */
  isAlone = false;

  constructor(
    private readonly name: string,
    private readonly redis: CacheRedis,
    private readonly atEnd: () => void,
  ) {
    this.renewing = setInterval(() => {
      if (!this.isStalled) void this.say(RENEW, String(LOCK_MS));
    }, RENEW_MS);
    this.renewing.unref();
  }

  get isStalled(): boolean {
    return this.restsSince !== undefined && performance.now() > this.restsSince + STALLED_MS;
  }

  /** Its reader has something to take, or has taken it. */
  rests(now: boolean): void {
    this.restsSince = now ? performance.now() : undefined;
  }

  /** With a failure where all who wait would meet the same. */
  end(failure?: Error): void {
    if (this.ended.signal.aborted) return;
    this.failure = failure;
    clearInterval(this.renewing);
    this.ended.abort();
    this.atEnd();
    void this.say(RELEASE);
  }

  /** Until it is over, or nobody should wait for it any more. */
  async over(signal: AbortSignal): Promise<void> {
    const either = new AbortController();
    const stop = () => either.abort();
    for (const one of [this.ended.signal, signal]) one.addEventListener('abort', stop);
    while (!this.ended.signal.aborted && !signal.aborted && !this.isStalled) await pause(RENEW_MS, either.signal);
    for (const one of [this.ended.signal, signal]) one.removeEventListener('abort', stop);
    if (this.failure !== undefined) throw this.failure;
  }

  /** Whether no other process is asking. Where Redis is away nobody knows, and each asks for itself. */
  async isFirst(): Promise<boolean> {
    if (this.redis.away) return true;
    const answer = await this.redis
      .ask((key) => ['SET', key('flight', this.name), this.token, 'NX', 'PX', String(LOCK_MS)])
      .catch(() => 'away');
    return answer !== null;
  }

  private async say(script: string, ...words: string[]): Promise<void> {
    if (this.redis.away) return;
    await this.redis.ask((key) => ['EVAL', script, '1', key('flight', this.name), this.token, ...words]).catch(() => undefined);
  }
}

/** Of many equal questions at once one is asked, over all processes. */
@Injectable()
export class Flights {
  private readonly open = new Map<string, Flight>();

  constructor(@Inject(CACHE_REDIS) private readonly redis: CacheRedis) {}

  /** What answers by itself while others ask, or a flight of one's own, which has to be ended; none where waiting is of no use. */
  async join<T>(
    name: string,
    signal: AbortSignal,
    find: () => Promise<T | undefined>,
  ): Promise<{ found: T } | { flight: Flight | undefined }> {
    for (;;) {
      const found = await find();
      if (found !== undefined) return { found };
      signal.throwIfAborted();
      const other = this.open.get(name);
      if (!other || other.isStalled) break;
      await other.over(signal);
      if (other.isAlone) return { flight: undefined };
    }
    const own: Flight = new Flight(name, this.redis, () => this.open.get(name) === own && this.open.delete(name));
    this.open.set(name, own);
    try {
      for (let wait = FIRST_WAIT_MS; !(await own.isFirst()); wait = Math.min(wait * 1.5, LONGEST_WAIT_MS)) {
        await pause(wait, signal);
        signal.throwIfAborted();
        const found = await find();
        if (found === undefined) continue;
        own.end();
        return { found };
      }
    } catch (fault) {
      own.end();
      throw fault;
    }
    return { flight: own };
  }
}
