import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DataSource } from 'typeorm';
import { migrate } from '../../src/database/migrate.js';
import { poolFigures } from '../../src/database/pool.js';
import { schema } from '../../src/schema.js';
import { openApp } from '../support/app.js';
import { databaseConfig, refusalOf } from '../support/database.js';
import { EdgeModule } from '../support/edge.module.js';
import { startEngines } from '../support/engines.js';
import { signalTree } from '../support/freeze.js';
import { freshRedis } from '../support/fresh.js';
import { databaseNamed } from '../support/global-setup.js';
import { eventually, labEnvironment } from '../support/lab.js';
import { LabModule } from '../support/lab.module.js';
import { recordedLog } from '../support/recorded-log.js';

const STATEMENT_MS = 1_000;
const LOCK_MS = 300;
/** The client waits this much longer than the server should. */
const SILENCE_MS = STATEMENT_MS + 2_000;
const POOL_MS = 3_000;
const SLACK_MS = 1_500;
const MOST = 4;

let engines: Awaited<ReturnType<typeof startEngines>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let system: Awaited<ReturnType<typeof openApp>>;
let db: DataSource;
let outside: pg.Client;

const sql = (text: string) => system.ask(`/edge/sql?ask=${encodeURIComponent(text)}`);
const job = () => system.ask('/lab/jobs?job=lab.note&payload={"n":1}', { method: 'POST' });
const statuses = async (...requests: ReturnType<typeof sql>[]) => (await Promise.all(requests)).map(({ status }) => status);
const environment = () =>
  labEnvironment(engines.databaseUrl, redis.url, {
    APP_ROLE: 'api',
    PGPOOL_MIN_CONNECTIONS: '0',
    PGPOOL_MAX_CONNECTIONS: String(MOST),
    PG_STATEMENT_TIMEOUT_MS: String(STATEMENT_MS),
    PG_LOCK_TIMEOUT_MS: String(LOCK_MS),
  });

function expectComeAgain(answer: Awaited<ReturnType<typeof sql>>, code: string | RegExp, withinMs: number) {
  expect([answer.status, answer.headers.get('retry-after')], answer.text).toEqual([503, '5']);
  expect(answer.json.code).toMatch(code);
  expect(answer.ms).toBeLessThan(withinMs + SLACK_MS);
}

const connectOutside = async () => {
  outside = new pg.Client({ connectionString: engines.databaseUrl });
  outside.on('error', () => undefined);
  await outside.connect();
};

beforeAll(async () => {
  [engines, redis] = await Promise.all([startEngines({ redis: false }), freshRedis()]);
  await migrate(databaseConfig(engines.databaseUrl), schema, recordedLog().log);
  system = await openApp(environment(), [LabModule, EdgeModule]);
  db = system.app.get(DataSource);
  await connectOutside();
});

beforeEach(async () => {
  await eventually(
    async () => poolFigures(db),
    ({ open, idle, waiting }) => open === idle && waiting === 0,
  );
});

afterAll(async () => {
  await system.app.close();
  await outside.end();
  await Promise.all([engines.stop(), redis.stop()]);
});

describe('a database that is busy', () => {
  it('ends a statement that takes too long, and keeps the connection', async () => {
    expectComeAgain(await sql('SELECT pg_sleep(30)'), 'overloaded', STATEMENT_MS);
    const before = poolFigures(db).open;
    expect(await statuses(sql('SELECT 1'))).toEqual([200]);
    expect(poolFigures(db).open).toBe(before);
  });

  it('ends the wait for a lock', async () => {
    await outside.query('BEGIN; LOCK TABLE queue_states');
    const answer = await sql('DELETE FROM queue_states');
    await outside.query('ROLLBACK');
    expectComeAgain(answer, 'overloaded', LOCK_MS);
    expect(await statuses(sql('DELETE FROM queue_states'))).toEqual([200]);
  });

  it('whose connections are all taken refuses after the time of the pool, and forgets who gave up', async () => {
    const runners = Array.from({ length: MOST }, () => db.createQueryRunner());
    await Promise.all(runners.map((runner) => runner.connect()));
    const answers = await Promise.all([sql('SELECT 1'), job(), sql('SELECT 2')]);
    for (const answer of answers) expectComeAgain(answer, 'overloaded', POOL_MS);
    expect(poolFigures(db)).toEqual({ open: MOST, idle: 0, waiting: 0, most: MOST });
    await Promise.all(runners.map((runner) => runner.release()));
    expect(await statuses(...Array.from({ length: 3 * MOST }, () => sql('SELECT 1')))).toEqual(Array(3 * MOST).fill(200));
  });

  it('that stays silent beyond its own time-out blocks nobody after that', async () => {
    const silent = await Promise.all(Array.from({ length: MOST }, () => sql('SET statement_timeout = 0; SELECT pg_sleep(30)')));
    // At this moment each of these connections still has its statement running.
    const after = await Promise.all(Array.from({ length: 2 * MOST }, () => sql('SELECT 1')));
    await outside.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SET statement_timeout%'`);
    for (const answer of silent) expectComeAgain(answer, 'dependency_down', SILENCE_MS);
    expect(after.map(({ status, text }) => (status === 200 ? 200 : text))).toEqual(Array(2 * MOST).fill(200));
    for (const { ms } of after) expect(ms).toBeLessThan(SLACK_MS);
  });
});

describe('a database that is away', () => {
  it('frozen: every request is refused in time; thawed: all is as before, without a start', async () => {
    // Connections of all kinds are open and idle.
    await statuses(...Array.from({ length: MOST }, () => sql('SELECT pg_sleep(0.1)')));
    signalTree(engines.postgresPid!, 'SIGSTOP');
    try {
      for (let round = 0; round < 2; round += 1) {
        const answers = await Promise.all(Array.from({ length: 2 * MOST }, (_, n) => (n % 2 ? sql('SELECT 1') : job())));
        // Whoever waited for a connection cannot know that those who have one are not answered.
        for (const answer of answers) expectComeAgain(answer, /dependency_down|overloaded/, Math.max(SILENCE_MS, POOL_MS) + POOL_MS);
      }
    } finally {
      signalTree(engines.postgresPid!, 'SIGCONT');
    }
    await eventually(
      () => job(),
      ({ status }) => status === 201,
      5_000,
    );
    expect(await statuses(...Array.from({ length: 3 * MOST }, () => job()))).toEqual(Array(3 * MOST).fill(201));
    const left = () =>
      outside.query<{ state: string }>(
        `SELECT state FROM pg_stat_activity WHERE state LIKE 'idle in%' OR state = 'active' AND pid <> pg_backend_pid()`,
      );
    await eventually(left, ({ rowCount }) => rowCount === 0);
  });

  it('killed: refused at once, never as an error of ours; started again: served again', async () => {
    signalTree(engines.postgresPid!, 'SIGKILL');
    const seen: { status: number; ms: number; text: string }[] = [];
    const both = async () => {
      const pair = await Promise.all([sql('SELECT 1'), job()]);
      seen.push(...pair);
      return pair.map(({ status }) => status);
    };
    await eventually(both, (found) => found.includes(503));
    await eventually(both, ([read, write]) => read === 200 && write === 201);
    expect(new Set(seen.map(({ status, text }) => (status < 300 || status === 503 ? status : text)))).toEqual(new Set([503, 200, 201]));
    for (const { ms } of seen) expect(ms).toBeLessThan(POOL_MS + SLACK_MS);
    await connectOutside();
  });

  it('at the start: waited for, and served when it is back', async () => {
    signalTree(engines.postgresPid!, 'SIGSTOP');
    let other: typeof system | undefined;
    const starting = openApp(environment()).then((app) => (other = app));
    try {
      // The first try has ended by then.
      await new Promise((resolve) => setTimeout(resolve, POOL_MS + 500));
      expect(other).toBeUndefined();
    } finally {
      signalTree(engines.postgresPid!, 'SIGCONT');
    }
    const app = await starting;
    expect((await app.ask('/health/ready')).status).toBe(200);
    await app.app.close();
  });

  it('at the start, because it refuses: not waited for', async () => {
    const env = { ...environment(), DATABASE_URL: databaseNamed(engines.databaseUrl, 'nowhere') };
    expect(await refusalOf(openApp(env))).toMatchObject({ code: '3D000' });
  });
});
