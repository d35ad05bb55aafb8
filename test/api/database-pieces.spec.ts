import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Questions } from '../../src/database/questions.js';
import { withCommit, type Tx } from '../../src/database/transactions.js';
import { databaseConfig, openDatabase, refusalOf } from '../support/database.js';
import { freshDatabase } from '../support/fresh.js';

const NAMED = { name: 'a-name', text: 'SELECT name FROM names WHERE id = $1 FOR SHARE' };
const AGED = { name: 'an-age', text: 'SELECT age FROM names WHERE id = $1' };

let database: Awaited<ReturnType<typeof freshDatabase>>;
let open: Awaited<ReturnType<typeof openDatabase>>;
let questions: Questions;
const pieces: string[] = [];
const run = <T>(work: (tx: Tx) => Promise<T>) => open.transactions.run(work);

/** Hands on what goes to the server, and writes down in which pieces it came. */
const listening = createServer((socket) => {
  const { searchParams, hostname, port } = new URL(database.url);
  const folder = searchParams.get('host');
  const server = folder === null ? connect(Number(port || 5432), hostname) : connect(`${folder}/.s.PGSQL.${port || 5432}`);
  for (const each of [socket, server]) each.on('error', () => undefined);
  socket.on('data', (piece: Buffer) => pieces.push(piece.toString('latin1')));
  socket.pipe(server).pipe(socket);
});

beforeAll(async () => {
  database = await freshDatabase();
  await database.rows('CREATE TABLE names (id int PRIMARY KEY, name text, age int)');
  await database.rows(`INSERT INTO names VALUES (1, 'Ana', 40)`);
  await once(listening.listen(0, '127.0.0.1'), 'listening');
  const { username, pathname } = new URL(database.url);
  const url = `postgres://${username || 'postgres'}@127.0.0.1:${(listening.address() as AddressInfo).port}${pathname}`;
  open = await openDatabase(url);
  questions = new Questions(open.db, databaseConfig(url));
});

afterAll(async () => {
  await open.db.destroy();
  await new Promise((closed) => listening.close(closed));
  await database.drop();
});

it('what is asked at once goes out in one piece, and so does the end with what travels with it; but nothing before the beginning is answered', async () => {
  await run((tx) => tx.query('SELECT 1'));
  pieces.length = 0;
  await run(async (tx) => {
    const both = await Promise.all([questions.askIn(tx, NAMED, [1]), questions.askIn(tx, AGED, [1])]);
    expect(both).toEqual([[{ name: 'Ana' }], [{ age: 40 }]]);
    withCommit(tx, { name: 'older', text: 'UPDATE names SET age = age + 0 WHERE id = $1', values: [1] });
  });
  const [first = '', ...rest] = pieces;
  expect(first).toContain('START TRANSACTION');
  expect(first).not.toContain('names');
  expect(rest.at(-1)).toContain('UPDATE names');
  expect(rest.at(-1)).toContain('COMMIT');
});

it('what is asked at once is answered in its order: the second sees what the first has waited for', async () => {
  const holder = await openDatabase(database.url);
  const waiting = () => database.rows(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query = '${NAMED.text}'`);
  let asked: Promise<unknown[]> | undefined;
  try {
    await holder.transactions.run(async (tx) => {
      await tx.query('UPDATE names SET age = 41 WHERE id = 1');
      asked = run((other) => Promise.all([questions.askIn(other, NAMED, [1]), questions.askIn(other, AGED, [1])]));
      await expect.poll(waiting).toHaveLength(1);
    });
    expect(await asked).toEqual([[{ name: 'Ana' }], [{ age: 41 }]]);
  } finally {
    await holder.db.destroy();
  }
});

it('nothing is asked in one that is over', async () => {
  const over = await run(async (tx) => tx);
  expect((await refusalOf(questions.askIn(over, AGED, [1]))).message).toMatch(/over/);
});

it('what TypeORM writes in one is not committed by itself', async () => {
  const fault = await refusalOf(
    run(async (tx) => {
      await tx.transaction((inner) => inner.query(`UPDATE names SET name = 'Bia' WHERE id = 1`));
      throw new Error('no');
    }),
  );
  expect([fault.message, await database.rows('SELECT name FROM names')]).toEqual(['no', [{ name: 'Ana' }]]);
});
