import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { OwnConnection } from '../../database/own-connection.js';
import { newId } from '../../kernel/ids.js';
import { pause, within } from '../../kernel/waiting.js';
import { afterCommit, type Tx, withCommit } from '../../database/transactions.js';
import { PROCESS_MS } from './recent.js';
import { type Dropped, Tiers } from './tiers.js';

const ADD = 'INSERT INTO cache_drops (id, tags, prefixes, at) VALUES ($1, $2, $3, clock_timestamp())';
const LOOK_EVERY_MS = 400;
const ASK_MS = 500;
/** Whoever committed delivers within this; what is older is anyone's. */
const OWNER_MS = 150;
const AGAIN_MS = 10;
const MOST_AT_ONCE = 1_000;
const LOOK = `SELECT id, tags, prefixes FROM cache_drops WHERE at < clock_timestamp() - interval '${OWNER_MS} milliseconds' ORDER BY id LIMIT ${MOST_AT_ONCE}`;
const CLEAR = 'DELETE FROM cache_drops WHERE id = ANY($1::uuid[])';
const CLEAR_MS = 20;
const FIRST_LOOK_MS = 500;

interface Drop extends Dropped {
  id: string;
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
    if (tags.length > 0) this.commit(tx, { tags, prefixes: [] });
  }

  /** All tags that begin like this. Tells which were found, as far as that is known when the commit has been answered. */
  addLike(tx: Tx, prefix: string): ReadonlySet<string> {
    const found = new Set<string>();
    this.commit(tx, { tags: [], prefixes: [prefix] }, found);
    return found;
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

  private commit(tx: Tx, dropped: Dropped, found = new Set<string>()): void {
    const drop = { id: newId(), ...dropped };
    withCommit(tx, { name: 'cache-drop', text: ADD, values: [drop.id, JSON.stringify(drop.tags), JSON.stringify(drop.prefixes)] });
    afterCommit(tx, () => this.committed(drop, found));
  }

  private async committed(drop: Drop, found: Set<string>): Promise<void> {
    for (const prefix of drop.prefixes) for (const tag of this.tiers.process.tagsLike(prefix)) found.add(tag);
    this.tiers.dropped(drop);
    this.tiers.figures.count('drops', drop.tags);
    const last = performance.now() + OWNER_MS;
    while (!(await this.deliver([drop], found)) && performance.now() < last && this.tiers.redisReturns) await pause(AGAIN_MS);
  }

  /** Redis hears on one connection: who asks after this asks after it has heard. Where it has not, its word counts no more. */
  private async deliver(drops: readonly Drop[], found = new Set<string>()): Promise<boolean> {
    let heard = await this.tiers.redis.drop([...new Set(drops.flatMap(({ tags }) => tags))]);
    for (const prefix of new Set(drops.flatMap(({ prefixes }) => prefixes))) {
      const dropped = heard ? await this.tiers.redis.dropLike(prefix) : undefined;
      for (const tag of dropped ?? []) found.add(tag);
      heard = dropped !== undefined;
    }
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
      const fresh = drops.filter(({ id }) => !seen.has(id));
      this.tiers.dropped({ tags: fresh.flatMap(({ tags }) => tags), prefixes: fresh.flatMap(({ prefixes }) => prefixes) });
      if (!(await this.deliver(drops))) return false;
    }
    if (drops.length === MOST_AT_ONCE) return true;
    // Own failures since then are in the table, but maybe too young to be seen.
    if (began > this.failedAt + OWNER_MS) this.tiers.trustedUntil = began + PROCESS_MS;
    return false;
  }
}
