import { DataSource } from 'typeorm';
import { readConfig, type Environment } from '../../src/config/config.js';
import { databaseOptions } from '../../src/database/options.js';
import { Transactions } from '../../src/database/transactions.js';
import { Spans } from '../../src/observability/spans.js';
import { schema } from '../../src/schema.js';
import { recordedLog } from './recorded-log.js';

export const databaseConfig = (url: string, more: Environment = {}) =>
  readConfig({ DATABASE_URL: url, REDIS_URL: 'unix:///nowhere', SECRET_KEY: 'tests', PGPOOL_MIN_CONNECTIONS: '0', ...more });

/** The product's own connection to a database, without the rest of the product. */
export async function openDatabase(url: string, more: Environment = {}) {
  const { log, lines } = recordedLog();
  const config = databaseConfig(url, { PGPOOL_MAX_CONNECTIONS: '5', ...more });
  const db = await new DataSource(databaseOptions(config, schema)).initialize();
  return { db, transactions: new Transactions(db, config, log, new Spans(config, log)), lines };
}

/** What a promise was rejected with; that it was kept is a fault. */
export async function refusalOf(work: Promise<unknown>): Promise<Error & { code?: string }> {
  const outcome = await work.then(
    (kept) => ({ kept }),
    (fault: unknown) => ({ fault }),
  );
  if ('fault' in outcome && outcome.fault instanceof Error) return outcome.fault;
  throw new Error(`was not refused: ${JSON.stringify(outcome)}`);
}
