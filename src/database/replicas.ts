import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { within } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { databaseOptions } from './options.js';

const ASK_EVERY_MS = 2_000;
const ASK_DEADLINE_MS = 1_500;
const MOST_LAG_SECONDS = 10;

interface Replica {
  db: DataSource;
  host: string;
  alive: boolean;
}

/** Reads that may be a little old go to a living replica; where there is none, to the primary. */
@Injectable()
export class Replicas implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly replicas: Replica[];
  private timer: NodeJS.Timeout | undefined;
  private turn = 0;

  constructor(
    private readonly primary: DataSource,
    @Inject(CONFIG) config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {
    this.replicas = config.DATABASE_REPLICA_URLS.map((url) => ({
      db: new DataSource(databaseOptions({ ...config, DATABASE_URL: url, DATABASE_DIRECT_URL: url }, { entities: [], migrations: [] })),
      host: new URL(url).host,
      alive: false,
    }));
  }

  /** Where to read from now. Never for a read that follows one's own write. */
  reader(): DataSource {
    const alive = this.replicas.filter((replica) => replica.alive);
    return alive[this.turn++ % alive.length]?.db ?? this.primary;
  }

  get state(): { alive: number; total: number } {
    return { alive: this.replicas.filter((replica) => replica.alive).length, total: this.replicas.length };
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.replicas.length === 0) return;
    await this.askAll();
    this.timer = setInterval(() => void this.askAll(), ASK_EVERY_MS).unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.replicas.map(({ db }) => (db.isInitialized ? db.destroy() : undefined)));
  }

  private async askAll(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => this.ask(replica)));
  }

  private async ask(replica: Replica): Promise<void> {
    const before = replica.alive;
    replica.alive = await within(ASK_DEADLINE_MS, 'replica', isCurrent(replica.db)).catch(() => false);
    if (replica.alive !== before) this.log.warn({ replica: replica.host }, replica.alive ? 'replica serves reads' : 'replica is left out');
  }
}

async function isCurrent(db: DataSource): Promise<boolean> {
  if (!db.isInitialized) await db.initialize();
  // A replica that has replayed everything it received is current, however long nothing was written.
  const [row] = await db.query<[{ lag: number }]>(`
    SELECT CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
           ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float END AS lag`);
  return row.lag <= MOST_LAG_SECONDS;
}
