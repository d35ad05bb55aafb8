import { pause, within } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import type { Link, OpenLink } from './cache.link.js';
import { openCluster } from './cluster.link.js';
import { redisKey } from './keys.js';
import { Gate, RedisAway } from './redis.client.js';
import { openSingle } from './single.link.js';

const AGAIN_MS = 200;
const SOON_MS = 30;
/** A link that was cut is there again by then, or its server is gone. */
const RETURN_MS = 1_000;
const GREET_EVERY_MS = 5_000;
const SILENT_MS = 10_000;

/** Makes a key of the cache, of its kind and name. */
export type KeyOf = (kind: string, name: string) => string;

const linkFor = (url: string): OpenLink => (url.startsWith('redis+cluster:') ? openCluster : openSingle);

/**
 * The Redis of caches. Connects in the background and again for ever. The server's run is a part of every
 * key and is read on each new connection: one that started again with what it had saved counts as empty.
 */
export class CacheRedis {
  /** Resolves with the first connection. */
  readonly connected: Promise<void>;
  private readonly closing = new AbortController();
  private readonly gate: Gate<CacheRedis>;
  private link: Link | undefined;
  private run: string | undefined;
  private look = new AbortController();
  private told = false;
  private foundAt = -Infinity;
  private lostAt = -Infinity;

  constructor(
    private readonly url: string,
    private readonly log: Log,
    deadlineMs?: number,
    private readonly open: OpenLink = linkFor(url),
  ) {
    this.gate = new Gate<CacheRedis>(this, ({ run }) => run !== undefined, deadlineMs);
    this.connected = new Promise((resolve) => void this.keep(resolve));
  }

  get away(): boolean {
    return this.gate.away;
  }

  /** Whether it was there just now, so that it is worth asking once more. */
  get returns(): boolean {
    return performance.now() < (this.run === undefined ? this.lostAt : this.foundAt) + RETURN_MS;
  }

  /** When it last did not answer; what it was asked then it may do yet. */
  get failedAt(): number {
    return this.gate.failedAt;
  }

  /** What is asked is put into words at the very moment at which it is sent, by the run that is there then. */
  ask(say: (key: KeyOf) => readonly (string | Buffer)[]): Promise<unknown> {
    return this.gate.run(({ link, run }) => {
      if (!link || !run) throw new RedisAway('redis is away');
      return link.send(say((kind, name) => redisKey('cache', run, kind, name)));
    });
  }

  close(): void {
    this.closing.abort();
    this.lose();
    this.link?.close();
  }

  private readonly lose = (): void => {
    if (this.run !== undefined) this.lostAt = performance.now();
    this.run = undefined;
    this.look.abort();
  };

  private async keep(connected: () => void): Promise<void> {
    while (!this.closing.signal.aborted) {
      try {
        this.look = new AbortController();
        this.link ??= await this.open(this.url, this.lose);
        const run = runOf(await within(SILENT_MS, 'redis', this.link.send(['INFO', 'server'])));
        // Lost while it was asked: it may be another one's answer.
        if (this.isLost()) continue;
        if (this.run === undefined) this.foundAt = performance.now();
        this.run = run;
        this.gate.answered();
        connected();
        if (this.told) this.log.info({ redis: 'cache' }, 'redis is back');
        this.told = false;
        await pause(GREET_EVERY_MS, this.look.signal);
        // Writers wait for it.
        if (this.isLost()) await this.reopen(this.lostAt > this.foundAt + AGAIN_MS ? 0 : SOON_MS);
      } catch (fault) {
        if (!this.told) this.log.warn({ err: fault, redis: 'cache' }, 'redis is away');
        this.told = true;
        this.lose();
        await this.reopen();
      }
    }
    this.link?.close();
  }

  private isLost(): boolean {
    return this.look.signal.aborted;
  }

  private async reopen(ms = AGAIN_MS): Promise<void> {
    this.link?.close();
    this.link = undefined;
    await pause(ms * (0.75 + Math.random() / 2), this.closing.signal);
  }
}

function runOf(info: unknown): string {
  const [, run] = /^run_id:(\w+)/m.exec(String(info)) ?? [];
  if (!run) throw new Error('redis does not tell its run id');
  return run;
}
