import { DataSource, MigrationExecutor, type QueryRunner } from 'typeorm';
import type { Config } from '../config/config.js';
import { pause } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { migrationOptions, type Schema } from './options.js';

// Any number serves, as long as all versions of the system use the same.
const MIGRATION_LOCK = 7_306_711;

/** Runs what is pending, or takes the newest migration back; one process at a time, whoever else starts. */
export async function migrate(config: Config, schema: Schema, log: Log, direction: 'up' | 'down' = 'up'): Promise<string[]> {
  const db = new DataSource(migrationOptions(config, schema));
  await db.initialize();
  const runner = db.createQueryRunner();
  try {
    await takeLock(runner);
    const executor = new MigrationExecutor(db, runner);
    executor.transaction = 'each';
    if (direction === 'down') {
      const newest = (await executor.getExecutedMigrations()).at(0)?.name;
      await executor.undoLastMigration();
      return newest === undefined ? [] : [newest];
    }
    const names = (await executor.executePendingMigrations()).map(({ name }) => name);
    if (names.length > 0) log.info({ migrations: names }, 'database migrated');
    return names;
  } finally {
    await runner.release();
    await db.destroy();
  }
}

// Asking again and again, as a waiting statement would hold a snapshot that CREATE INDEX CONCURRENTLY waits for.
async function takeLock(runner: QueryRunner): Promise<void> {
  for (;;) {
    const [row] = (await runner.query('SELECT pg_try_advisory_lock($1) AS taken', [MIGRATION_LOCK])) as [{ taken: boolean }];
    if (row.taken) return;
    await pause(100);
  }
}
