import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataSource } from 'typeorm';
import { migrate } from '../../src/database/migrate.js';
import { poolFigures } from '../../src/database/pool.js';
import { DiskProbe, MemoryProbe } from '../../src/health/machine.probes.js';
import { SharedProbe } from '../../src/health/shared-probe.js';
import { Readiness } from '../../src/http/readiness.js';
import { newId } from '../../src/kernel/ids.js';
import { pause } from '../../src/kernel/waiting.js';
import { schema } from '../../src/schema.js';
import { openApp } from '../support/app.js';
import { databaseConfig, refusalOf } from '../support/database.js';
import { startEngines } from '../support/engines.js';
import { signalTree } from '../support/freeze.js';
import { freshRedis } from '../support/fresh.js';
import { databaseNamed } from '../support/global-setup.js';
import { eventually, labEnvironment } from '../support/lab.js';
import { recordedLog } from '../support/recorded-log.js';

// A second and a half is promised; the rest is for a machine that has other things to do.
const SOON_MS = 1_500 + 1_000;

let engines: Awaited<ReturnType<typeof startEngines>>;
let queue: Awaited<ReturnType<typeof freshRedis>>;
let cache: Awaited<ReturnType<typeof freshRedis>>;
let system: Awaited<ReturnType<typeof openApp>>;
let db: DataSource;
const bodies: string[] = [];

async function ask(path: '/health' | '/health/live' | '/health/ready') {
  const answer = await system.ask(path);
  bodies.push(answer.text);
  const details = (answer.json.details ?? {}) as Record<string, Record<string, unknown> | undefined>;
  return { ...answer, details, reasons: answer.json.reasons as string[] | undefined };
}

const allAsked = () => Promise.all([ask('/health'), ask('/health/ready'), ask('/health/live')]);
const whole = () =>
  eventually(
    () => ask('/health'),
    ({ json }) => json.status === 'ok',
  );
const elsewhere = async (sql: string) => {
  const client = new pg.Client({ connectionString: databaseNamed(engines.databaseUrl, 'postgres') });
  await client.connect();
  await client.query(sql).finally(() => client.end());
};

beforeAll(async () => {
  [engines, queue, cache] = await Promise.all([
    startEngines({ redis: false }),
    freshRedis(),
    freshRedis({ 'maxmemory-policy': 'allkeys-lru' }),
  ]);
  await migrate(databaseConfig(engines.databaseUrl), schema, recordedLog().log);
  const url = new URL(engines.databaseUrl);
  url.password = 'word-of-database';
  const env = { APP_ROLE: 'api', CACHE_REDIS_URL: cache.url, PGPOOL_MAX_CONNECTIONS: '4', PG_STATEMENT_TIMEOUT_MS: '3000' };
  system = await openApp(labEnvironment(url.href, queue.url, env));
  db = system.app.get(DataSource);
  await whole();
});

afterAll(async () => {
  await system.app.close();
  await Promise.all([engines.stop(), queue.stop(), cache.stop()]);
});

describe('where a part is down', () => {
  it('a database that refuses everybody is an error, and no traffic', async () => {
    await elsewhere(`ALTER DATABASE mutirao ALLOW_CONNECTIONS false`);
    await elsewhere(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'mutirao'`);
    const dead = await eventually(
      () => ask('/health'),
      ({ status }) => status === 503,
    );
    expect(dead.json).toMatchObject({ status: 'error', error: { database: { status: 'down', message: 'failed with 55000' } } });
    expect(dead.headers.get('retry-after')).toBe('5');
    const [, ready, live] = await allAsked();
    expect(ready).toMatchObject({ status: 503, json: { status: 'error', reasons: ['database: failed with 55000'] } });
    expect(live).toMatchObject({ status: 200, json: { status: 'ok' } });
    await elsewhere(`ALTER DATABASE mutirao ALLOW_CONNECTIONS true`);
    await whole();
    expect((await ask('/health/ready')).status).toBe(200);
  });

  it('a frozen database is told in time, again and again, and takes no more of the pool with every question', async () => {
    signalTree(engines.postgresPid!, 'SIGSTOP');
    try {
      await eventually(
        () => ask('/health'),
        ({ status }) => status === 503,
      );
      for (let round = 0; round < 3; round += 1) {
        await pause(550);
        const answers = await allAsked();
        expect(answers.map(({ status }) => status)).toEqual([503, 503, 200]);
        for (const { ms } of answers) expect(ms).toBeLessThan(SOON_MS);
        const { open, idle, waiting } = poolFigures(db);
        // One of the database's own probe, one of the queues', one of the exports'.
        expect(open - idle + waiting).toBeLessThanOrEqual(3);
      }
    } finally {
      signalTree(engines.postgresPid!, 'SIGCONT');
    }
    await whole();
    await eventually(
      async () => poolFigures(db),
      ({ open, idle, waiting }) => open === idle && waiting === 0,
    );
  });

  it.each([
    ['queues', () => queue],
    ['caches', () => cache],
  ])('without the Redis of %s it is degraded, and takes traffic', async (name, redis) => {
    for (const [end, mend] of [
      ['freeze', 'thaw'],
      ['kill', 'start'],
    ] as const) {
      await redis()[end]();
      const degraded = await eventually(
        () => ask('/health'),
        ({ json }) => json.status === 'degraded',
      );
      expect(degraded.status).toBe(200);
      expect(degraded.details.redis).toMatchObject({ status: 'down', message: expect.stringContaining(name) as unknown });
      expect(degraded.json.cache).toMatchObject({ status: name === 'caches' ? 'down' : 'up' });
      await pause(550);
      const answers = await allAsked();
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      for (const { ms } of answers) expect(ms).toBeLessThan(SOON_MS);
      await redis()[mend]();
      await whole();
    }
  });

  it('a Redis that may throw counters away gets no traffic, until it is set right', async () => {
    const set = (policy: string) => queue.ask((client) => client.config('SET', 'maxmemory-policy', policy));
    await set('allkeys-lru');
    // Nobody has asked for anything but readiness.
    const refused = await eventually(
      () => ask('/health/ready'),
      ({ status }) => status === 503,
    );
    expect(refused.reasons).toEqual(['REDIS_URL has maxmemory-policy allkeys-lru; set it to noeviction']);
    const full = await eventually(
      () => ask('/health'),
      ({ json }) => json.status === 'degraded',
    );
    expect([full.status, full.details.redis?.message]).toEqual([200, refused.reasons?.[0]]);
    await set('noeviction');
    await eventually(
      () => ask('/health/ready'),
      ({ status }) => status === 200,
    );
    await whole();
  });

  it('work that nobody does is degraded', async () => {
    const id = newId();
    await db.query(
      `INSERT INTO outbox (id, queue, job, payload, run_at, rank_at) VALUES ($1, 'lab', 'lab.note', '{}', now() - interval '2 min', now())`,
      [id],
    );
    const late = await eventually(
      () => ask('/health'),
      ({ json }) => json.status === 'degraded',
    );
    expect([late.status, late.details.queues?.message]).toEqual([200, 'work has waited for over a minute in lab']);
    expect((await ask('/health/ready')).status).toBe(200);
    await db.query('DELETE FROM outbox WHERE id = $1', [id]);
    await whole();
  });

  it('memory and disk say so at their end, and not before', async () => {
    const memory = (residentBytes: number) => new MemoryProbe({ memory: () => ({ residentBytes, limitBytes: 100 }) }).check();
    const disk = (freeBytes: number) => new DiskProbe({ disk: async () => ({ freeBytes, totalBytes: 1e12 }) }).check();
    expect((await refusalOf(memory(91))).message).toMatch(/over 90 %/);
    expect(await memory(90)).toEqual({ residentBytes: 90, limitBytes: 100 });
    expect((await refusalOf(disk(199 * 1024 ** 2))).message).toMatch(/200 MB/);
    expect(await disk(200 * 1024 ** 2)).toMatchObject({ freeBytes: 200 * 1024 ** 2 });
  });

  it('a probe that never ends is asked once, and one that throws at once is down', async () => {
    let asked = 0;
    const silent = new SharedProbe({ name: 'silent', whenDown: 'degraded' }, { check: () => ((asked += 1), new Promise(() => undefined)) });
    for (let round = 0; round < 2; round += 1) {
      expect(await silent.ask()).toEqual({ up: false, facts: { message: 'no answer within 1000 ms' } });
      await pause(600);
    }
    expect(asked).toBe(1);
    const broken = new SharedProbe(
      { name: 'broken', whenDown: 'error' },
      {
        check: () => {
          throw new Error('word-of-database');
        },
      },
    );
    expect(await broken.ask()).toEqual({ up: false, facts: { message: 'does not answer' } });
  });
});

describe('where all is well', () => {
  it('shows every part, and nothing that is nobody else’s business', async () => {
    const { status, json, headers } = await whole();
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(Object.keys(json).sort()).toEqual([
      'cache',
      'connections',
      'details',
      'error',
      'info',
      'memory',
      'status',
      'uptimeSeconds',
      'version',
    ]);
    expect(json).toMatchObject({
      error: {},
      version: expect.stringMatching(/^\d+\.\d+\.\d+/) as unknown,
      connections: { open: expect.any(Number) as unknown, most: 4 },
      cache: { status: 'up' },
      details: {
        database: { status: 'up', replicas: { alive: 0, total: 0 } },
        redis: { status: 'up', queue: 'up', cache: 'up' },
        queues: { status: 'up', lab: { waiting: 0 } },
        memory: { status: 'up', residentBytes: expect.any(Number) as unknown },
        disk: { status: 'up', freeBytes: expect.any(Number) as unknown },
      },
    });
    expect(json.info).toEqual(json.details);
  });

  it('asks the servers a few times, however many ask it', async () => {
    const pool = (db.driver as unknown as { master: pg.Pool }).master;
    const infos = () => queue.ask(async (client) => Number(/cmdstat_info:calls=(\d+)/.exec(await client.info('commandstats'))?.[1]));
    let taken = 0;
    const count = () => (taken += 1);
    const before = await infos();
    const began = performance.now();
    pool.on('acquire', count);
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => ask(n % 2 ? '/health' : '/health/ready')));
    pool.off('acquire', count);
    const times = Math.ceil((performance.now() - began) / 500) + 1;
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(times).toBeLessThan(20);
    // The database's probe, the queues' and one of each line beside them for each half second; of Redis besides what this test asks itself.
    expect(taken).toBeLessThanOrEqual(4 * times);
    expect((await infos()) - before).toBeLessThanOrEqual(times + 3);
  });

  it('is not ready while it stops, and alive all the same', async () => {
    system.app.get(Readiness).drain();
    const [full, ready, live] = await allAsked();
    expect([full.status, ready.status, live.status]).toEqual([200, 503, 200]);
    expect(ready.json).toEqual({ status: 'error', reasons: ['this process is stopping'] });
    expect(ready.headers.get('retry-after')).toBe('5');
  });

  it('has told no secret, no address and no user in all of this', () => {
    expect(bodies.length).toBeGreaterThan(200);
    for (const body of bodies) expect(body).not.toMatch(/word-of|postgres|\.sock|\/tmp|localhost|127\.0|node_modules|Error/);
  });
});
