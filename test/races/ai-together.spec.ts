import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BudgetStore, type Wanted } from '../../src/ai/budget/budget.store.js';
import { Together } from '../../src/ai/budget/together.js';
import { UsageStore } from '../../src/ai/budget/usage.store.js';
import { readConfig } from '../../src/config/config.js';
import { Questions } from '../../src/database/questions.js';
import { firstIdAt, newId } from '../../src/kernel/ids.js';
import { freshDatabase } from '../support/fresh.js';
import { labEnvironment } from '../support/lab.js';

const DAY_MS = 86_400_000;

let database: Awaited<ReturnType<typeof freshDatabase>>;
let sources: DataSource[];
/** Of two processes, for all that the database knows. */
let stores: [BudgetStore, BudgetStore];

beforeAll(async () => {
  database = await freshDatabase();
  const config = readConfig(labEnvironment(database.url, '', { REDIS_URL: undefined, AI_DAILY_TOKENS: '10000' }));
  // So that rows are found in the order in which they are asked for, as in large tables.
  const options = '-c enable_hashjoin=off -c enable_mergejoin=off -c enable_seqscan=off';
  sources = [1, 2].map(() => new DataSource({ type: 'postgres', url: database.url, extra: { max: 20, options } }));
  await Promise.all(sources.map((source) => source.initialize()));
  stores = sources.map((db) => new BudgetStore(db, new Questions(db, config), config)) as typeof stores;
});
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await Promise.all(sources.map((source) => source.destroy()));
  await database.drop();
});

async function aPerson(): Promise<string> {
  const person = newId();
  await database.rows(`INSERT INTO users (id, email, name, role) VALUES ($1, $2, 'Ana', 'donor')`, [person, `${person}@example.org`]);
  await stores[0].beginDay(person);
  return person;
}
const people = (most: number) => Promise.all(Array.from({ length: most }, aPerson));
const wantedOf = (userId: string, over: Partial<Wanted> = {}): Wanted => ({
  ...{ id: newId(), userId, model: 'm', streaming: false, prompt: 100, completion: 300, leastCompletion: 64 },
  price: { input: 1, output: 2 },
  ...over,
});
const commits = async (users: string[], column: 'began_at' | 'ended_at') => {
  // The instant of a transaction is the same for all that it writes.
  const [found] = await database.rows<{ n: number }>(`SELECT count(DISTINCT ${column})::int AS n FROM ai_calls WHERE user_id = ANY($1)`, [
    users,
  ]);
  return found?.n;
};

describe('What is done together', () => {
  it('begins at once where nothing is under way, and all that comes meanwhile goes on together', async () => {
    const batches: number[][] = [];
    let begun: () => void;
    const isBegun = new Promise<void>((resolve) => (begun = resolve));
    let goOn: () => void;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const together = new Together<number, number>(async (works) => {
      batches.push([...works]);
      begun();
      if (batches.length === 1) await held;
      return works.map((work) => work * 2);
    });
    const first = together.do(1);
    await isBegun;
    const others = Promise.all([2, 3, 4].map((work) => together.do(work)));
    goOn!();
    expect(await first).toBe(2);
    expect(await others).toEqual([4, 6, 8]);
    expect(batches).toEqual([[1], [2, 3, 4]]);
  });

  it('does not wait for what hangs', async () => {
    const together = new Together<number, number>((works) => (works.includes(1) ? new Promise(() => undefined) : Promise.resolve(works)));
    void together.do(1);
    await new Promise(setImmediate);
    expect(await Promise.all([together.do(2), together.do(3)])).toEqual([2, 3]);
  });

  it('fails for the one that is wrong alone, and for all where the database is away', async () => {
    const tried: number[][] = [];
    const away = Object.assign(new Error('gone'), { code: 'ECONNRESET' });
    const together = new Together<number, number>((works) => {
      tried.push([...works]);
      if (works.includes(9)) return Promise.reject(away);
      return works.includes(2) ? Promise.reject(new Error('two')) : Promise.resolve(works);
    });
    const settled = await Promise.allSettled([1, 2, 3].map((work) => together.do(work)));
    expect(settled.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)))).toEqual([1, 'Error: two', 3]);
    tried.length = 0;
    const faults = await Promise.all([1, 9, 3].map((work) => together.do(work).catch((fault: unknown) => fault)));
    expect(faults).toEqual([away, away, away]);
    expect(tried).toEqual([[1, 9, 3]]);
  });
});

describe('Calls that begin and end at once', () => {
  it('are reserved and settled in fewer commits than there are of them, and each person pays for his own', async () => {
    const users = await people(10);
    const wanted = Array.from({ length: 30 }, (_, n) => wantedOf(users[n % 10]!, { prompt: 100 + n }));
    const taken = await Promise.all(wanted.map((one) => stores[0].reserve(one)));
    expect(taken.map((one) => one?.granted)).toEqual(wanted.map(({ prompt }) => prompt + 300));
    expect(await commits(users, 'began_at')).toBeLessThan(10);
    const standings = await Promise.all(wanted.map(({ id }, n) => stores[0].settle(id, 'settled', n, 2 * n)));
    expect(await commits(users, 'ended_at')).toBeLessThan(10);
    for (const [n, user] of users.entries()) {
      const { used, reserved, costNanos, reservedNanos } = await stores[0].standing(user);
      expect([used, reserved, costNanos, reservedNanos]).toEqual([3 * n + 30, 0, 2 * (3 * n + 30), 0]);
      expect(standings[n + 20]).toMatchObject({ used });
    }
    expect(await Promise.all(wanted.map(({ id }) => stores[0].settle(id, 'settled', 1, 1)))).toEqual(wanted.map(() => undefined));
  });

  it('of one person are judged in their order, each by what those before it left', async () => {
    const user = await aPerson();
    const taken = await Promise.all(
      Array.from({ length: 8 }, () => stores[0].reserve(wantedOf(user, { prompt: 1_000, completion: 1_000 }))),
    );
    const granted = taken.map((one) => one?.granted ?? 0);
    expect(granted.slice(0, 4)).toEqual([2_000, 2_000, 2_000, 2_000]);
    expect(granted.reduce((sum, one) => sum + one, 0)).toBe(10_000);
    expect(await stores[0].standing(user)).toMatchObject({ used: 0, reserved: 10_000 });
  });

  it('that are wrong fail alone', async () => {
    const [one = '', other = ''] = await people(2);
    const wanted = [wantedOf(one), wantedOf(other, { completion: 1e30 }), wantedOf(other)];
    const taken = await Promise.allSettled(wanted.map((each) => stores[0].reserve(each)));
    expect(taken.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const ends = await Promise.allSettled(wanted.map(({ id }, n) => stores[0].settle(id, 'settled', n === 0 ? 1e30 : 5, 0)));
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(await stores[0].standing(other)).toMatchObject({ used: 5, reserved: 0 });
    expect(await stores[0].standing(one)).toMatchObject({ used: 0, reserved: 400 });
  });

  it('never wait in a circle: two processes settle them in either order while they are noted', async () => {
    const users = await people(6);
    for (let round = 0; round < 15; round += 1) {
      const wanted = Array.from({ length: 24 }, (_, n) => wantedOf(users[(n * 5) % 6]!, { prompt: 10, completion: 20 }));
      await Promise.all(wanted.map((one) => stores[0].reserve(one)));
      const noted = wanted.map(({ id }) => ({ id, spent: 7, costNanos: 7 }));
      const settle = (store: BudgetStore, ids: Wanted[]) => ids.map(({ id }) => store.settle(id, 'settled', null, null));
      const both = await Promise.all([
        stores[1].note([...noted].reverse()),
        ...settle(stores[0], wanted),
        ...settle(stores[1], [...wanted].reverse()),
        stores[0].note(noted),
      ]);
      expect(both.slice(1, -1).filter((one) => one !== undefined)).toHaveLength(24);
    }
    const [sums] = await database.rows<{ used: number; reserved: number; spent: number }>(
      `SELECT sum(used)::int AS used, sum(reserved)::int AS reserved, (SELECT sum(spent)::int FROM ai_calls WHERE user_id = ANY($1)) AS spent
         FROM ai_days WHERE user_id = ANY($1)`,
      [users],
    );
    expect(sums).toMatchObject({ reserved: 0, used: sums?.spent });
  });
});

const addCall = (userId: string, id: string, day: string, state: string) =>
  database.rows(
    `INSERT INTO ai_calls (id, user_id, day, model, state, streaming, reserved, spent, lease_until, began_at)
     VALUES ($1, $2, ${day}, 'm', $3, false, 5, 5, now(), now())`,
    [id, userId, state],
  );

it.each(['Pacific/Kiritimati', 'Etc/GMT+12'])('what was used is told of thirty days as they are in %s', async (AI_RESET_TIMEZONE) => {
  const user = await aPerson();
  const today = `(now() AT TIME ZONE '${AI_RESET_TIMEZONE}')::date`;
  for (const ago of [-1, 0, 29, 30, 31]) await addCall(user, newId(), `${today} - ${ago}`, 'settled');
  const days = await new UsageStore(sources[0]!, { AI_RESET_TIMEZONE }).byDay(user);
  const [expected] = await database.rows<{ least: string }>(`SELECT (${today} - 29)::text AS least`);
  expect(days).toHaveLength(3);
  expect(days.at(-1)?.day).toBe(expected?.least);
});

it('calls that ended 400 days ago are forgotten, some at a time; those that are open stay', async () => {
  const user = await aPerson();
  const idOf = (days: number) => firstIdAt(new Date(Date.now() - days * DAY_MS));
  for (const [days, state] of [
    [405, 'open'],
    [404, 'settled'],
    [403, 'lapsed'],
    [402, 'settled'],
    [399, 'settled'],
  ] as const)
    await addCall(user, idOf(days), `now()::date - ${days}`, state);
  const left = async () => (await database.rows('SELECT FROM ai_calls WHERE user_id = $1', [user])).length;
  expect(await stores[0].forget(400, 2)).toBe(true);
  expect(await left()).toBe(3);
  expect(await stores[0].forget(400, 2)).toBe(false);
  expect(await left()).toBe(2);
});
