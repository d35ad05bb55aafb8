import { afterAll, beforeAll, expect, it } from 'vitest';
import { withCommit } from '../../src/database/transactions.js';
import { openDatabase } from '../support/database.js';
import { freshDatabase } from '../support/fresh.js';
import { eventually } from '../support/lab.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
beforeAll(async () => {
  database = await freshDatabase();
  await database.rows('CREATE TABLE texts (text text NOT NULL)');
});
afterAll(() => database.drop());

it('a pool that is closed while a transaction is being committed waits for it', async () => {
  const { db, transactions } = await openDatabase(database.url);
  const done = transactions.run(async (tx) => {
    await tx.query(`INSERT INTO texts VALUES ('last')`);
    withCommit(tx, { name: 'slowly', text: 'SELECT pg_sleep(1)', values: [] });
  });
  const slow = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query = 'SELECT pg_sleep(1)'`;
  await eventually(
    () => database.rows(slow),
    ({ length }) => length === 1,
  );
  await Promise.all([done, db.destroy()]);
  expect(await database.rows('SELECT text FROM texts')).toEqual([{ text: 'last' }]);
});
