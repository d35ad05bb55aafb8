import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isDatabaseAway } from '../../src/database/faults.js';
import { poolFigures } from '../../src/database/pool.js';
import { afterCommit, withCommit, type Tx } from '../../src/database/transactions.js';
import { newId } from '../../src/kernel/ids.js';
import { QueueState } from '../../src/outbox/outbox.entity.js';
import { openDatabase, refusalOf } from '../support/database.js';
import { freshDatabase } from '../support/fresh.js';
import { eventually } from '../support/lab.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let open: Awaited<ReturnType<typeof openDatabase>>;

const put = (tx: Tx, text: string) => tx.query('INSERT INTO texts (text) VALUES ($1)', [text]);
const putting = (text: string) => ({ name: 'put', text: 'INSERT INTO texts (text) VALUES ($1)', values: [text] });
const saying = (name: string, text: string) => ({ name, text, values: [] });
const run = <T>(work: (tx: Tx) => Promise<T>) => open.transactions.run(work);
const stored = async () => (await database.rows<{ text: string }>('SELECT text FROM texts ORDER BY n')).map(({ text }) => text);
const openTransactions = () =>
  database.rows(`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`);

beforeAll(async () => {
  database = await freshDatabase();
  await database.rows('CREATE TABLE texts (n serial, text text NOT NULL UNIQUE)');
  open = await openDatabase(database.url);
});

beforeEach(() => database.rows('TRUNCATE texts'));

afterAll(async () => {
  await open.db.destroy();
  await database.drop();
});

describe('a transaction that fails', () => {
  it('stores nothing, ends nothing and tells nobody', async () => {
    const told: string[] = [];
    const fault = await refusalOf(
      run(async (tx) => {
        await put(tx, 'first');
        withCommit(tx, putting('with the commit'));
        afterCommit(tx, () => told.push('committed'));
        throw new Error('no');
      }),
    );
    expect([fault.message, told, await stored()]).toEqual(['no', [], []]);
  });

  it('says what was wrong with a statement that travelled with the commit', async () => {
    const told: string[] = [];
    const fault = await refusalOf(
      run(async (tx) => {
        await put(tx, 'twice');
        withCommit(tx, putting('other'));
        withCommit(tx, putting('twice'));
        afterCommit(tx, () => told.push('committed'));
      }),
    );
    expect([fault.code, told, await stored(), await openTransactions()]).toEqual(['23505', [], [], []]);
  });

  it('is not taken for done where it fails at the very commit', async () => {
    await database.rows(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not at the end'; END $$;
      CREATE CONSTRAINT TRIGGER refusing AFTER INSERT ON texts DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.text = 'refused') EXECUTE FUNCTION refuse()`);
    const told: string[] = [];
    const fault = await refusalOf(
      run(async (tx) => {
        await put(tx, 'refused');
        afterCommit(tx, () => told.push('committed'));
      }),
    );
    expect([fault.message, told, await stored()]).toEqual(['not at the end', [], []]);
  });

  it('is not acknowledged where the work swallowed the error of a statement', async () => {
    const fault = await refusalOf(
      run(async (tx) => {
        await put(tx, 'before');
        await tx.query('SELECT 1 / 0').catch(() => undefined);
      }),
    );
    expect([fault.name, await stored(), await openTransactions()]).toEqual(['NotCommitted', [], []]);
  });

  it.each([
    [
      'another server refused a connection',
      async () => Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })),
    ],
    ['the disk is full', (tx: Tx) => tx.query(`DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$`)],
  ])('leaves nothing to whoever uses the connection next: %s', async (_why, fail) => {
    await refusalOf(
      run(async (tx) => {
        await put(tx, 'left over');
        await fail(tx);
      }),
    );
    expect(await openTransactions()).toEqual([]);
    for (const text of ['a', 'b', 'c', 'd', 'e', 'f']) await run((tx) => put(tx, text));
    expect(await stored()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('stores nothing of what still runs, or is on its way, when the work has ended', async () => {
    for (let turn = 0; turn < 100; turn += 1) {
      let late: Promise<unknown> = Promise.resolve();
      await refusalOf(
        run(async (tx) => {
          const slow = async () => {
            for (let n = 0; n < 50; n += 1) await put(tx, `late ${turn} ${n}`);
          };
          late = refusalOf(slow());
          if (turn % 2 === 0) await put(tx, `early ${turn}`);
          throw new Error('no');
        }),
      );
      await late;
    }
    expect(await stored()).toEqual([]);
  });

  it('takes no statement once it is over', async () => {
    const over = await run(async (tx) => tx);
    expect(() => withCommit(over, putting('lost'))).toThrow(/over/);
    expect(() => afterCommit(over, () => undefined)).toThrow(/over/);
  });

  it('takes no two statements by one name: the connection would refuse the second with the commit on its way', async () => {
    const both = async (tx: Tx) => [putting('first'), saying('put', 'SELECT 1')].forEach((each) => withCommit(tx, each));
    expect([(await refusalOf(run(both))).message, await stored()]).toEqual(['two statements are named put', []]);
  });

  it('refuses a text that no database can hold, and works on', async () => {
    await refusalOf(run(async (tx) => withCommit(tx, putting('nul \0 inside'))));
    await refusalOf(run((tx) => put(tx, 'nul \0 inside')));
    await run((tx) => put(tx, 'fine'));
    expect([await stored(), await openTransactions()]).toEqual([['fine'], []]);
  });

  it('ends when its connection is cut, and gives back what it held', async () => {
    const ends = [
      (pid: number) => database.rows('SELECT pg_terminate_backend($1)', [pid]),
      async (pid: number, tx: Tx) => {
        await database.rows('SELECT pg_terminate_backend($1)', [pid]);
        await tx.query('SELECT 1');
      },
      async (pid: number, tx: Tx) => {
        const before = poolFigures(open.db).open;
        await database.rows('SELECT pg_terminate_backend($1)', [pid]);
        await eventually(
          async () => poolFigures(open.db).open,
          (now) => now < before,
        );
        await tx.query('SELECT 1');
      },
    ];
    for (const end of ends) {
      const fault = await refusalOf(
        run(async (tx) => {
          await put(tx, 'cut');
          const [{ pid }] = await tx.query<[{ pid: number }]>('SELECT pg_backend_pid() AS pid');
          await end(pid, tx);
        }),
      );
      expect(isDatabaseAway(fault), String(fault)).toBe(true);
    }
    await run((tx) => put(tx, 'whole'));
    expect(await stored()).toEqual(['whole']);
  });

  it('leaks no connection, however many fail at once', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 120 }, (_, n) =>
        run(async (tx) => {
          await put(tx, `row ${n}`);
          if (n % 4 === 1) throw new Error('no');
          if (n % 4 === 2) await tx.query('SELECT pg_terminate_backend(pg_backend_pid())');
          if (n % 4 === 3) withCommit(tx, saying('fail', 'SELECT 1 / 0'));
        }),
      ),
    );
    expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual(outcomes.map((_, n) => n % 4 === 0));
    expect(await stored()).toHaveLength(30);
    const figures = await eventually(
      async () => poolFigures(open.db),
      ({ open: all, idle }) => all === idle,
    );
    expect(figures).toMatchObject({ waiting: 0, most: 5 });
    expect(await openTransactions()).toEqual([]);
  });
});

describe('a transaction that is committed', () => {
  it('is committed when those who wait for it hear of it', async () => {
    const seen: Promise<string[]>[] = [];
    await run(async (tx) => {
      await put(tx, 'a');
      withCommit(tx, putting('b'));
      afterCommit(tx, () => seen.push(stored()));
      expect(await stored()).toEqual([]);
    });
    expect(await Promise.all(seen)).toEqual([['a', 'b']]);
  });

  it('stays committed when one of those who hear of it stumbles', async () => {
    const told: string[] = [];
    const answer = await run(async (tx) => {
      await put(tx, 'kept');
      afterCommit(tx, () => {
        throw new Error('stumbled');
      });
      afterCommit(tx, () => told.push('the next'));
      return 'done';
    });
    expect([answer, told, await stored()]).toEqual(['done', ['the next'], ['kept']]);
    expect(open.lines).toContainEqual(
      expect.objectContaining({ level: 'error', err: expect.objectContaining({ message: 'stumbled' }) as unknown }),
    );
  });

  it('includes what travels with the commit', async () => {
    await run(async (tx) => {
      await tx.query('INSERT INTO texts (text) VALUES (pg_current_xact_id()::text)');
      withCommit(tx, saying('too', `INSERT INTO texts (text) VALUES (pg_current_xact_id()::text || ' too')`));
    });
    const [first, second] = await stored();
    expect(second).toBe(`${first} too`);
  });

  it('keeps any text letter by letter, whichever way it travels', async () => {
    const hostile = fc.constantFrom(
      `'; DROP TABLE texts; --`,
      `\\'`,
      `''`,
      '\\',
      `E'\\n'`,
      '$$',
      '/*',
      '--',
      ';',
      '$1',
      '\r\n',
      '😀',
      '\u202e',
      '“',
    );
    const text = fc
      .array(fc.oneof(hostile, fc.string({ unit: 'binary' })), { maxLength: 8 })
      .map((parts) => parts.join('').replaceAll('\0', ''));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(text, { minLength: 2, maxLength: 6 }), async (texts) => {
        await run(async (tx) => {
          for (const [n, each] of texts.entries()) {
            if (n % 2 === 0) await put(tx, each);
            else withCommit(tx, putting(each));
          }
        });
        expect(new Set(await stored())).toEqual(new Set(texts));
        await database.rows('TRUNCATE texts');
      }),
      { numRuns: 60 },
    );
  });

  it('keeps a text of three million letters', async () => {
    await database.rows('ALTER TABLE texts DROP CONSTRAINT texts_text_key');
    const long = `'\\"é`.repeat(600_000);
    await run(async (tx) => withCommit(tx, putting(long)));
    await run((tx) => put(tx, long));
    expect((await stored()).map((text) => text === long)).toEqual([true, true]);
    await database.rows('TRUNCATE texts; ALTER TABLE texts ADD UNIQUE (text)');
  });

  it('takes entities, and transactions inside of it that fail alone', async () => {
    const queue = newId();
    await run(async (tx) => {
      await tx.save(QueueState, { queue, paused: true });
      await refusalOf(
        tx.transaction(async (inner) => {
          await inner.update(QueueState, { queue }, { paused: false });
          throw new Error('only this');
        }),
      );
      withCommit(tx, putting('after'));
    });
    expect(await open.db.manager.findOneByOrFail(QueueState, { queue })).toMatchObject({ paused: true });
    expect(await stored()).toEqual(['after']);
  });
});
