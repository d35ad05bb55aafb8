import { AbstractLogger, DataSource, MigrationExecutor, type QueryRunner } from 'typeorm';
import type { Config } from '../config/config.js';
import { pause } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { isDatabaseBusy } from './faults.js';
import { migrationOptions, type Schema } from './options.js';

// Any number serves, as long as all versions of the system use the same.
const MIGRATION_LOCK = 7_306_711;
const ASK_EVERY_MS = 100;
const PATIENT_MS = 2_000;
const TRIES = 5;
const BETWEEN_TRIES_MS = 500;

/** TypeORM tells of migrations on stdout whatever it is told; ours are lines of the log. */
class Silent extends AbstractLogger {
  protected writeLog(): void {
    // Nothing.
  }
}

/** Runs what is pending, or takes the newest migration back; one process at a time, whoever else starts. */
export async function migrate(config: Config, schema: Schema, log: Log, direction: 'up' | 'down' = 'up'): Promise<string[]> {
  const db = new DataSource({ ...migrationOptions(config, schema), logger: new Silent() });
  await db.initialize();
  const runner = db.createQueryRunner();
  try {
    // A role may have been given one for what people ask.
    await runner.query('SET statement_timeout = 0');
    await letGoWhenKilled(runner);
    await takeLock(runner, log);
    const executor = new MigrationExecutor(db, runner);
    executor.transaction = 'each';
    if (direction === 'down') {
      const newest = (await executor.getExecutedMigrations()).at(0)?.name;
      await executor.undoLastMigration();
      return newest === undefined ? [] : [newest];
    }
    const names = await executePending(executor, log);
    if (names.length > 0) log.info({ migrations: names }, 'database migrated');
    return names;
  } finally {
    await runner.release();
    await db.destroy();
  }
}

// Each migration is a transaction: what waited too long for a lock has changed nothing and let others pass.
async function executePending(executor: MigrationExecutor, log: Log): Promise<string[]> {
  for (let tries = 1; ; tries += 1) {
    try {
      return (await executor.executePendingMigrations()).map(({ name }) => name);
    } catch (fault) {
      if (!isDatabaseBusy(fault) || tries === TRIES) throw fault;
      log.warn({ err: fault, tries }, 'a migration gave way to others, trying again');
      await pause(BETWEEN_TRIES_MS);
    }
  }
}

/** Otherwise the server notices only at the end of a statement that its client is gone, and keeps the lock until then. */
async function letGoWhenKilled(runner: QueryRunner): Promise<void> {
  await runner.query(`SET client_connection_check_interval = '1s'`).catch(() => undefined);
}

// Asking again and again, as a waiting statement would hold a snapshot that CREATE INDEX CONCURRENTLY waits for.
async function takeLock(runner: QueryRunner, log: Log): Promise<void> {
  const began = performance.now();
  let told = false;
  for (;;) {
    const [row] = (await runner.query('SELECT pg_try_advisory_lock($1) AS taken', [MIGRATION_LOCK])) as [{ taken: boolean }];
    if (row.taken) return;
    if (!told && performance.now() - began > PATIENT_MS) {
      log.info('another process migrates, waiting for it');
      told = true;
    }
    await pause(ASK_EVERY_MS);
    await pause(ASK_EVERY_MS);
  }
}
