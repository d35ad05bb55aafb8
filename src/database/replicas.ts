import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { within } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { isDatabaseAway, isDatabaseBusy } from './faults.js';
import { databaseOptions, type Schema } from './options.js';

const ASK_EVERY_MS = 2_000;
const ASK_DEADLINE_MS = 1_500;
const MOST_LAG_SECONDS = 5;

/** Reads that may be a little old go to a living replica; where there is none, to the primary. */
@Injectable()
export class Replicas implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly replicas: Replica[];
  private timer: NodeJS.Timeout | undefined;
  private turn = 0;

  constructor(
    private readonly primary: DataSource,
    @Inject(CONFIG) config: Config,
    @Inject(LOG) log: Log,
  ) {
    const { entities } = primary.options as Schema;
    this.replicas = config.DATABASE_REPLICA_URLS.map((url) => {
      const options = databaseOptions({ ...config, DATABASE_URL: url, DATABASE_DIRECT_URL: url }, { entities, migrations: [] });
      return new Replica(new DataSource(options), hostOf(url), log);
    });
  }

  /** Never for a read that follows one's own write. Asks the primary where a replica fails in the middle. */
  async read<T>(ask: (db: DataSource) => Promise<T>): Promise<T> {
    const living = this.replicas.filter(({ alive }) => alive);
    const replica = living[this.turn++ % living.length];
    if (!replica) return ask(this.primary);
    try {
      return await replica.read(ask);
    } catch (fault) {
      const away = fault instanceof LeftOut || isDatabaseAway(fault);
      if (away) replica.leaveOut();
      // Busy: a standby cancels reads that are in the way of what it replays.
      if (away || isDatabaseBusy(fault)) return ask(this.primary);
      throw fault;
    }
  }

  get state(): { alive: number; total: number } {
    return { alive: this.replicas.filter(({ alive }) => alive).length, total: this.replicas.length };
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.replicas.length === 0) return;
    const judge = () => Promise.all(this.replicas.map((replica) => replica.judge()));
    await judge();
    this.timer = setInterval(() => void judge(), ASK_EVERY_MS).unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.replicas.map((replica) => replica.close()));
  }
}

class LeftOut extends Error {
  override readonly name = 'LeftOut';
}

class Replica {
  alive = false;
  private asking: Promise<boolean> | undefined;
  private readonly readers = new Set<(why: LeftOut) => void>();

  constructor(
    private readonly db: DataSource,
    private readonly host: string,
    private readonly log: Log,
  ) {}

  /** Ends at once when the replica is left out, whatever the connection still waits for. */
  async read<T>(ask: (db: DataSource) => Promise<T>): Promise<T> {
    let leave: (why: LeftOut) => void = () => undefined;
    const left = new Promise<never>((_resolve, reject) => this.readers.add((leave = reject)));
    try {
      return await Promise.race([ask(this.db), left]);
    } finally {
      this.readers.delete(leave);
    }
  }

  /** One question at a time: one that stands still is not followed by more. */
  async judge(): Promise<void> {
    this.asking ??= isCurrent(this.db).finally(() => (this.asking = undefined));
    const current = await within(ASK_DEADLINE_MS, 'replica', this.asking).catch(() => false);
    if (!current) this.leaveOut();
    else if (!this.alive) this.log.info({ replica: this.host }, 'replica serves reads');
    this.alive = current;
  }

  leaveOut(): void {
    if (this.alive) this.log.warn({ replica: this.host }, 'replica is left out');
    this.alive = false;
    for (const leave of this.readers) leave(new LeftOut('the replica was left out'));
  }

  async close(): Promise<void> {
    if (this.asking) await within(ASK_DEADLINE_MS, 'replica', this.asking).catch(() => false);
    if (this.db.isInitialized) await this.db.destroy();
  }
}

async function isCurrent(db: DataSource): Promise<boolean> {
  if (!db.isInitialized) await db.initialize();
  // A replica that receives and has replayed all of it is current, however long nothing was written;
  // one that receives nothing cannot know.
  const [{ lag }] = await db.query<[{ lag: number | null }]>(`
    SELECT CASE WHEN NOT pg_is_in_recovery() THEN 0
      WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
      ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float END AS lag`);
  return lag !== null && lag <= MOST_LAG_SECONDS;
}

// Of a socket only its folder is known.
const hostOf = (url: string) => {
  const { host, searchParams } = new URL(url);
  return searchParams.get('host') ?? host;
};
