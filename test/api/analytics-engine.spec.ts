import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engines } from '../../src/analytics/engine/engines.service.js';
import type { Order } from '../../src/analytics/engine/messages.js';
import { programAt } from '../../src/analytics/programs.js';
import { pause, within } from '../../src/kernel/waiting.js';
import { openBusiness, type Business } from '../support/business.js';
import { eventually } from '../support/lab.js';
import { codesOf } from '../support/people.js';

let b: Business;
beforeAll(async () => {
  b = await openBusiness();
  await b.refresh();
});
afterAll(async () => {
  await b.close();
  expect(answering()).toEqual([]);
});

/** Processes of this one that answer questions. */
const answering = () =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        return parent === process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine.child.js');
      } catch {
        return false;
      }
    });

const ticksOf = (pid: number) => {
  const [user = 0, system = 0] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11, 13).map(Number);
  return user + system;
};

const linkOf = (fd: string) => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
};

const SLOW = 'SELECT count(*) FROM donations a, donations b, donations c WHERE a.amount_cents + b.amount_cents + c.amount_cents = 7';

describe('A question in SQL', () => {
  it('is for admins alone, with a body that holds', async () => {
    expect(codesOf(await b.send('POST', '/analytics/query', { sql: 'SELECT 1' }))).toEqual([401, 'unauthenticated']);
    expect(codesOf(await b.query('SELECT 1', b.ana))).toEqual([403, 'forbidden']);
    for (const body of [{}, { sql: '' }, { sql: 7 }, { sql: 'SELECT 1', more: true }, { sql: 'SELECT \0' }])
      expect(codesOf(await b.ask('POST', '/query', body))).toEqual([422, 'validation_failed']);
  });

  it('answers rows with the moment they are of', async () => {
    const { status, json } =
      await b.query(`SELECT status, count(*) AS gifts, sum(amount_cents) AS cents, avg(amount_cents) AS mean, max(created_day) AS last,
      NULL AS nothing, true AS yes, 1.50::DECIMAL(9,2) AS price, 170141183460469231731687303715884105727::HUGEINT AS large, 1 AS gifts FROM donations GROUP BY status ORDER BY status`);
    expect(status).toBe(200);
    const [first] = await b.rows<{ gifts: number; cents: number }>(
      `SELECT count(*)::int AS gifts, sum(amount_cents)::int AS cents FROM donations WHERE status = 'confirmed'`,
    );
    expect(json).toMatchObject({ rowCount: 5, truncated: false, snapshotAt: expect.stringMatching(/Z$/) as string });
    expect((json.rows as object[])[0]).toMatchObject({
      ...{ status: 'confirmed', ...first, nothing: null, yes: true, price: 1.5, gifts_1: 1 },
      ...{ large: '170141183460469231731687303715884105727', last: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) as string },
    });
    expect((json.columns as { name: string }[]).map(({ name }) => name)).toEqual([
      'status',
      'gifts',
      'cents',
      'mean',
      'last',
      'nothing',
      'yes',
      'price',
      'large',
      'gifts_1',
    ]);
  });

  it.each(['SELECT 1e400', 'SELECT sum(amount_cents) OVER (ORDER BY 9e999) FROM donations'])(
    'is refused where it has no plain form: %s',
    async (sql) => expect(codesOf(await b.query(sql))).toEqual([422, 'sql_refused']),
  );

  it('says where it was cut', async () => {
    const { json } = await b.query('SELECT * FROM range(20000)');
    expect(json).toMatchObject({ rowCount: 10_000, truncated: true });
    const { json: wide } = await b.query(
      `SELECT replace('0123456789', '5', m.title) AS text, d.* FROM donations d, campaigns m, campaigns n`,
    );
    expect(wide.truncated).toBe(true);
    expect(JSON.stringify(wide.rows).length).toBeLessThan(8_000_000);
    expect((await b.query('SELECT * FROM range(10000)')).json).toMatchObject({ rowCount: 10_000, truncated: false });
  });

  it('counts names and letters of all kinds as the bytes that they are', async () => {
    const { json, text } = await b.query(`SELECT 1 AS "${'n'.repeat(15_000)}" FROM range(10000)`);
    expect([json.truncated, text.length < 8_000_000]).toEqual([true, true]);
    const accents = await b.query(`SELECT replace('0123456789', '5', '${'é'.repeat(1_000)}') AS text FROM range(3000)`);
    expect([accents.json.truncated, Buffer.byteLength(accents.text) < 5_000_000]).toEqual([true, true]);
  });

  it('keeps each value, whatever it is and its column is called', async () => {
    const { json } = await b.query(`SELECT 1 AS a, 2 AS a, 3 AS a_1, TIMESTAMPTZ 'infinity' AS forever, TIMESTAMP 'infinity' AS ever,
      TIMESTAMPTZ '290000-01-01' AS far, 90071992547409.93::DECIMAL(18, 2) AS price; -- said beside it;`);
    expect(json.rows).toEqual([
      {
        ...{ a: 1, a_2: 2, a_1: 3, forever: 'infinity', ever: 'infinity', price: '90071992547409.93' },
        far: expect.stringMatching(/^290000/) as string,
      },
    ]);
  });

  it('ends where nobody waits for it any more, and those behind it have their turn', async () => {
    const over = new AbortController();
    const engines = b.app.get(Engines, { strict: false });
    const body = JSON.stringify({ sql: SLOW });
    const left = Array.from({ length: 4 }, () => b.file('/query', b.admin, { method: 'POST', body, signal: over.signal }));
    await eventually(
      async () => engines.figures,
      ({ busy, waiting }) => busy === 2 && waiting === 2,
    );
    over.abort();
    await Promise.allSettled(left);
    await eventually(
      async () => engines.figures,
      ({ busy, waiting }) => busy === 0 && waiting === 0,
      8_000,
    );
  });

  it('holds no file of whoever left before it was sent', async () => {
    const held = () => readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).includes('mutirao-question'));
    const sql = `SELECT range AS n FROM range(1000)`;
    const { bytes } = await b.app.get(Engines, { strict: false }).file({ sql, owner: null, mostRows: 10, mostBytes: 1_000 }, 'csv');
    expect(held()).toHaveLength(1);
    bytes.destroy();
    await eventually(
      async () => held(),
      ({ length }) => length === 0,
    );
  });

  it('gives its process back to whoever leaves in the middle', async () => {
    for (let left = 0; left < 6; left += 1) {
      const over = new AbortController();
      const body = JSON.stringify({ sql: 'SELECT a.*, b.amount_cents AS other FROM donations a, donations b' });
      const answer = await b.file('/query?format=csv', b.admin, { method: 'POST', body, signal: over.signal });
      await answer.body?.getReader().read();
      over.abort();
    }
    await eventually(
      () => b.query('SELECT 1'),
      ({ status }) => status === 200,
    );
  });
});

describe('A question that takes too long', () => {
  it('is ended at its deadline, and the next one is answered', async () => {
    const began = performance.now();
    const [slow, quick] = await Promise.all([b.query(SLOW), b.query('SELECT 42 AS n')]);
    expect(codesOf(slow)).toEqual([422, 'sql_refused']);
    expect(slow.json.detail).toMatch(/longer than 10 s/);
    expect(performance.now() - began).toBeGreaterThan(9_000);
    expect(quick.json.rows).toEqual([{ n: 42 }]);
    expect((await b.query('SELECT 43 AS n')).json.rows).toEqual([{ n: 43 }]);
  });
});

describe('The processes', () => {
  it('know no secret of ours, and no network where that can be', async () => {
    await b.query('SELECT 1');
    const [pid] = answering();
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .filter((line) => line !== '');
    expect(environment.filter((line) => !/^NODE_CHANNEL_|^NODE_UNIQUE_ID=$/.test(line))).toEqual(['MALLOC_ARENA_MAX=1']);
    const { networkBarred } = (await b.ask('GET', '/datasets')).json;
    if (networkBarred)
      expect(
        readFileSync(`/proc/${pid}/net/dev`, 'utf8')
          .split('\n')
          .filter((line) => line.includes(':'))
          .map((line) => line.trim().split(':')[0]),
      ).toEqual(['lo']);
  });

  it('end at once where whoever started them is gone, whatever they are at', async () => {
    const scratch = await mkdtemp(join(tmpdir(), 'mutirao-orphan-'));
    const child = fork(programAt('./engine/engine.child.js'), { serialization: 'advanced', stdio: 'ignore', env: {}, execArgv: [] });
    child.send({ kind: 'begin', files: {}, scratch, memoryMb: 128, threads: 1 } satisfies Order);
    await once(child, 'message');
    const sql = 'SELECT count(*) FROM range(100000000) AS a(x), range(100000000) AS b(y) WHERE x * y % 7 = 3';
    child.send({ kind: 'open', id: 1, sql, owner: null, mostRows: 1, mostBytes: 100, as: 'rows' } satisfies Order);
    const before = ticksOf(child.pid!);
    await eventually(
      async () => ticksOf(child.pid!),
      (ticks) => ticks > before + 20,
    );
    const gone = once(child, 'exit');
    child.disconnect();
    expect(await within(5_000, 'its end', gone)).toEqual([null, 'SIGKILL']);
    expect(existsSync(scratch)).toBe(false);
  });

  it('cost one answer where one dies', async () => {
    const slow = b.query(SLOW);
    // The one that works, and none that did so before.
    const busy = await eventually(
      async () => {
        const before = new Map(answering().map((pid) => [pid, ticksOf(pid)]));
        await pause(500);
        return answering().filter((pid) => ticksOf(pid) - (before.get(pid) ?? Infinity) > 10);
      },
      (pids) => pids.length > 0,
    );
    for (const pid of busy) process.kill(pid, 'SIGKILL');
    const died = await slow;
    expect(codesOf(died)).toEqual([503, 'dependency_down']);
    expect((await b.query('SELECT 44 AS n')).json.rows).toEqual([{ n: 44 }]);
  });

  it('refuse more than may wait, with when to come again', async () => {
    const engines = b.app.get(Engines, { strict: false });
    const all = await Promise.allSettled(
      Array.from({ length: 60 }, () =>
        engines.rows({ sql: 'SELECT count(*) FROM donations a, donations b', owner: null, mostRows: 1, mostBytes: 100 }),
      ),
    );
    const refused = all.filter((one) => one.status === 'rejected').map(({ reason }) => (reason as { code: string }).code);
    expect(new Set(refused)).toEqual(new Set(['overloaded']));
    expect(refused.length).toBe(60 - 2 - 32);
  });

  it('read one moment each, whatever is exported meanwhile', async () => {
    const sums = new Set<string>();
    let over = false;
    const asking = Array.from({ length: 3 }, async () => {
      while (!over) {
        const { json } = await b.query(
          `SELECT (SELECT count(*) FROM donations) AS gifts, (SELECT count(*) FROM campaigns) AS campaigns, (SELECT count(*) FROM messages) AS messages`,
        );
        const [row] = json.rows as [Record<string, number>];
        sums.add(`${row.gifts! - row.campaigns!} ${row.gifts! - row.messages!}`);
      }
    });
    for (let turn = 0; turn < 2; turn += 1) {
      const id = b.unique();
      // One more of each, in one commit: no answer may have one without the others.
      await b.rows(`WITH c AS (INSERT INTO campaigns SELECT (jsonb_populate_record(c, jsonb_build_object('id', '${id}', 'slug', '${id}'))).* FROM campaigns c LIMIT 1 RETURNING id),
        m AS (INSERT INTO whatsapp_messages SELECT (jsonb_populate_record(m, '{"id": "${id}"}')).* FROM whatsapp_messages m LIMIT 1)
        INSERT INTO donations SELECT (jsonb_populate_record(d, '{"id": "${id}"}')).* FROM donations d LIMIT 1`);
      expect((await b.refresh()).state).toBe('done');
    }
    over = true;
    await Promise.all(asking);
    expect(sums.size).toBe(1);
  });
});
