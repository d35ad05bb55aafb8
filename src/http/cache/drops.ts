import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { OwnConnection } from '../../database/own-connection.js';
import { newId } from '../../kernel/ids.js';
import { pause, within } from '../../kernel/waiting.js';
import { afterCommit, type Tx, withCommit } from '../../database/transactions.js';
import { PROCESS_MS } from './recent.js';
import { Tiers } from './tiers.js';

const ADD = 'INSERT INTO cache_drops (id, tags, at) VALUES ($1, $2, clock_timestamp())';
const LOOK_EVERY_MS = 400;
const ASK_MS = 500;
/** Whoever committed delivers within this; what is older is anyone's. */
const OWNER_MS = 150;
const AGAIN_MS = 10;
const MOST_AT_ONCE = 1_000;
const LOOK = `SELECT id, tags FROM cache_drops WHERE at < clock_timestamp() - interval '${OWNER_MS} milliseconds' ORDER BY id LIMIT ${MOST_AT_ONCE}`;
const CLEAR = 'DELETE FROM cache_drops WHERE id = ANY($1::uuid[])';
const CLEAR_MS = 20;
const FIRST_LOOK_MS = 500;

interface Drop {
  id: string;
  tags: readonly string[];
}

/**
 * Brings each drop to Redis, in whatever process it was committed. What Redis has not heard of stands in
 * the table that every process looks at; one that cannot look does not believe Redis.
 */
@Injectable()
export class Drops implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly closing = new AbortController();
  private failedAt = -Infinity;
  private delivered: string[] = [];
  private undelivered: ReadonlySet<string> = new Set();
  private clearing: NodeJS.Timeout | undefined;
  private readonly own: OwnConnection;
  private looking: Promise<void> = Promise.resolve();

  constructor(
    private readonly tiers: Tiers,
    @Inject(CONFIG) config: Config,
  ) {
    // In line for one of the pool's it would call this process blind when it is only busy.
    this.own = new OwnConnection(config, 'cache', ASK_MS);
  }

  /** Commits with the change. The writer is answered once Redis has heard, or has had its time. */
  add(tx: Tx, tags: readonly string[]): void {
    if (tags.length === 0) return;
    const id = newId();
    withCommit(tx, { name: 'cache-drop', text: ADD, values: [id, JSON.stringify(tags)] });
    afterCommit(tx, () => this.committed(id, tags));
  }

  async onApplicationBootstrap(): Promise<void> {
    const first = this.look().catch(() => undefined);
    this.looking = first.then(() => this.keepLooking());
    await within(FIRST_LOOK_MS, 'cache drops', first).catch(() => undefined);
  }

  async onApplicationShutdown(): Promise<void> {
    this.closing.abort();
    await this.looking;
    clearTimeout(this.clearing);
    await this.clear();
    await this.own.end();
  }

  private async committed(id: string, tags: readonly string[]): Promise<void> {
    this.tiers.dropped(tags);
    this.tiers.figures.count('drops', tags);
    const last = performance.now() + OWNER_MS;
    while (!(await this.deliver([{ id, tags }])) && performance.now() < last && this.tiers.redisReturns) await pause(AGAIN_MS);
  }

  /** Redis hears on one connection: who asks after this asks after it has heard. Where it has not, its word counts no more. */
  private async deliver(drops: readonly Drop[]): Promise<boolean> {
    const heard = await this.tiers.redis.drop([...new Set(drops.flatMap(({ tags }) => tags))]);
    if (heard) {
      this.delivered.push(...drops.map(({ id }) => id));
      this.clearing ??= setTimeout(() => void this.clear(), CLEAR_MS);
    } else {
      this.failedAt = performance.now();
      this.tiers.trustedUntil = -Infinity;
    }
    return heard;
  }

  // Where this fails the row is found by the next look, and delivered once more.
  private async clear(): Promise<void> {
    this.clearing = undefined;
    const ids = this.delivered.splice(0);
    if (ids.length > 0) await this.own.ask(CLEAR, [ids]).catch(() => undefined);
  }

  private async keepLooking(): Promise<void> {
    while (!this.closing.signal.aborted) {
      const full = await this.look().catch(() => false);
      this.tiers.forget();
      if (!full) await pause(LOOK_EVERY_MS, this.closing.signal);
    }
  }

  /** Whether there may be more. */
  private async look(): Promise<boolean> {
    const began = performance.now();
    const drops = await this.own.ask<Drop>(LOOK);
    const seen = this.undelivered;
    this.undelivered = new Set(drops.map(({ id }) => id));
    if (drops.length > 0) {
      // Once is enough: what begins after this reads what was committed before it.
      this.tiers.dropped(drops.filter(({ id }) => !seen.has(id)).flatMap(({ tags }) => tags));
      if (!(await this.deliver(drops))) return false;
    }
    if (drops.length === MOST_AT_ONCE) return true;
    // Own failures since then are in the table, but maybe too young to be seen.
    if (began > this.failedAt + OWNER_MS) this.tiers.trustedUntil = began + PROCESS_MS;
    return false;
  }
}
