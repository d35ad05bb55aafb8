import { ImpatientClient } from '../../database/client.js';

const SETTINGS = `SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = 0;
  SET LOCAL work_mem = '64MB'; SET LOCAL jit = off; SET LOCAL timezone = 'America/Sao_Paulo'; SET LOCAL datestyle = 'ISO'`;

export const connectionFor = (connectionString: string): ImpatientClient =>
  new ImpatientClient({ connectionString, application_name: 'mutirao-analytics', keepAlive: true });

/** From now on both see one moment, but the second not what the first writes. */
export async function inOneMoment(first: ImpatientClient, second: ImpatientClient): Promise<string> {
  await first.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await first.query(SETTINGS);
  const { rows } = await first.query<{ at: Date; name: string }>('SELECT now() AS at, pg_export_snapshot() AS name');
  await second.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await second.query(`SET TRANSACTION SNAPSHOT ${second.escapeLiteral(rows[0]?.name ?? '')}`);
  await second.query(SETTINGS);
  return (rows[0]?.at ?? new Date()).toISOString();
}
