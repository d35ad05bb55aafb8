import type { DataSourceOptions } from 'typeorm';
import type { Config } from '../config/config.js';
import { ImpatientClient } from './client.js';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** What only the top of the tree knows: every table's class, every migration. */
export interface Schema {
  entities: NonNullable<DataSourceOptions['entities']>;
  migrations: NonNullable<DataSourceOptions['migrations']>;
}

const CONNECT_MS = 3_000;

/** The database past any pooler: for migrations and LISTEN. */
export const directUrl = (config: Config): string => config.DATABASE_DIRECT_URL ?? config.DATABASE_URL ?? '';

/** A pooler in transaction mode refuses session settings at connect, which then belong to the role, and forgets prepared statements. */
export const behindPooler = (config: Config) => directUrl(config) !== config.DATABASE_URL;

export function databaseOptions(config: Config, schema: Schema): PostgresOptions {
  const statement = config.PG_STATEMENT_TIMEOUT_MS;
  // Without an address the driver would take whatever server runs on this machine.
  if (!config.DATABASE_URL) throw new Error('DATABASE_URL is not set, and no private PostgreSQL runs');
  return {
    type: 'postgres',
    url: config.DATABASE_URL,
    ...schema,
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
    installExtensions: false,
    synchronize: false,
    logging: false,
    applicationName: `mutirao-${config.APP_ROLE}`,
    extra: {
      Client: ImpatientClient,
      // What travels with a commit is not waited for one by one.
      pipeline: true,
      min: config.PGPOOL_MIN_CONNECTIONS,
      max: config.PGPOOL_MAX_CONNECTIONS,
      connectionTimeoutMillis: CONNECT_MS,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      // The server ends a slow statement; where the server itself stands still, the client stops waiting a little later.
      query_timeout: statement + 2_000,
      ...(behindPooler(config)
        ? {}
        : {
            statement_timeout: statement,
            lock_timeout: config.PG_LOCK_TIMEOUT_MS,
            idle_in_transaction_session_timeout: statement + 5_000,
          }),
    },
  };
}

export function migrationOptions(config: Config, schema: Schema): PostgresOptions {
  return {
    ...databaseOptions({ ...config, DATABASE_URL: directUrl(config), DATABASE_DIRECT_URL: undefined }, schema),
    applicationName: 'mutirao-migrate',
    // A migration may take its time; what it may not is to stand in everybody's way while it waits for a lock.
    extra: { max: 2, connectionTimeoutMillis: CONNECT_MS, keepAlive: true, lock_timeout: config.PG_LOCK_TIMEOUT_MS },
  };
}
