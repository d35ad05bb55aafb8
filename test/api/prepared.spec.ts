import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withCommit } from '../../src/database/transactions.js';
import { openDatabase, refusalOf } from '../support/database.js';
import { freshDatabase } from '../support/fresh.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

describe('a statement that travels with the commit', () => {
  it('can be used again on its connection, whether it could not be prepared or failed later', async () => {
    const one = await openDatabase(database.url, { PGPOOL_MIN_CONNECTIONS: '1', PGPOOL_MAX_CONNECTIONS: '2' });
    const prepared = { name: 'later', text: 'INSERT INTO later (text) VALUES ($1)' };
    const add = (...texts: string[]) =>
      one.transactions.run(async (tx) => texts.forEach((text) => withCommit(tx, { ...prepared, values: [text] })));
    expect((await refusalOf(add('a', 'b'))).code).toBe('42P01');
    await database.rows('CREATE TABLE later (text text UNIQUE)');
    expect((await refusalOf(add('a', 'a'))).code).toBe('23505');
    await refusalOf(
      one.transactions.run(async (tx) => {
        await tx.query('SELECT 1 / 0').catch(() => undefined);
        withCommit(tx, { ...prepared, values: ['c'] });
      }),
    );
    await add('d', 'e');
    expect(await database.rows('SELECT text FROM later')).toEqual([{ text: 'd' }, { text: 'e' }]);
    await one.db.destroy();
  });
});
