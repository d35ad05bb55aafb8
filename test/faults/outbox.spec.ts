import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { farOr } from '../support/drills.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { eventually, labEnvironment, spawnLab } from '../support/lab.js';

const CRASHES = farOr(2, 1);
const MANY = farOr(6_000, 2_000);

type Lab = Awaited<ReturnType<typeof spawnLab>>;

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let labs: Lab[] = [];

beforeEach(async () => {
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
});
afterEach(async () => {
  await Promise.all(labs.map((lab) => lab.end('SIGKILL')));
  labs = [];
  await Promise.all([database.drop(), redis.stop()]);
});

const worker = async (): Promise<Lab> => {
  const lab = await spawnLab(labEnvironment(database.url, redis.url, { APP_ROLE: 'worker', LOG_LEVEL: 'silent' }));
  labs.push(lab);
  return lab;
};
const add = (job: string, payloads: unknown[], queue = 'lab') =>
  database.rows(
    `INSERT INTO outbox (id, queue, job, payload, rank_at) SELECT id, $1, $2, payload, now() FROM unnest($3::uuid[], $4::jsonb[]) AS t(id, payload)`,
    [queue, job, payloads.map(() => newId()), payloads.map((payload) => JSON.stringify(payload))],
  );
const notes = (count: number, from = 0) => Array.from({ length: count }, (_, index) => ({ n: from + index }));
const left = () => database.rows<{ count: number }>('SELECT count(*)::int FROM outbox').then(([row]) => row?.count ?? -1);
const done = () => database.rows<{ count: number }>('SELECT count(*)::int FROM lab_effects').then(([row]) => row?.count ?? -1);
const tally = () =>
  database
    .rows<{ all: number; different: number }>('SELECT count(*)::int AS all, count(DISTINCT n)::int AS different FROM lab_effects')
    .then(([row]) => row);

describe('every effect happens exactly once', () => {
  it('when workers are killed again and again in the middle of their work', async () => {
    await Promise.all([worker(), worker()]);
    await add('lab.note', notes(MANY));
    for (const killAt of farOr([300, 1_500, 3_000, 4_500], [300])) {
      await eventually(done, (count) => count >= killAt, 40_000);
      await labs.shift()?.end('SIGKILL');
      await worker();
    }
    await eventually(left, (count) => count === 0, 40_000);
    expect(await tally()).toEqual({ all: MANY, different: MANY });
  });

  it('when one job ends its process in the middle of its transaction', async () => {
    await worker();
    await add('lab.crash', [{ n: 1, times: CRASHES }]);
    for (let crash = 1; crash <= CRASHES; crash += 1) {
      await eventually(
        () => Promise.resolve(labs.at(-1)?.process.signalCode),
        (signal) => signal === 'SIGKILL',
        30_000,
      );
      expect(await database.rows('SELECT n FROM lab_runs')).toHaveLength(crash);
      await worker();
    }
    await eventually(left, (count) => count === 0, 30_000);
    expect(await tally()).toEqual({ all: 1, different: 1 });
    expect(await database.rows('SELECT n FROM lab_runs')).toHaveLength(CRASHES + 1);
  });

  it('when Redis is wiped in the middle, and again when it comes back empty', async () => {
    await worker();
    await add('lab.note', notes(MANY));
    await eventually(done, (count) => count > 500);
    await redis.ask((client) => client.flushall());
    await eventually(done, (count) => count > MANY / 2);
    await redis.kill();
    await redis.start();
    await eventually(left, (count) => count === 0);
    expect(await tally()).toEqual({ all: MANY, different: MANY });
  });

  it('when Redis stands still for a while', async () => {
    await worker();
    await add('lab.note', notes(4_000));
    await eventually(done, (count) => count > 500);
    redis.freeze();
    // New work still finds its place in the table.
    await add('lab.note', notes(1_000, 4_000));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    redis.thaw();
    await eventually(left, (count) => count === 0, 30_000);
    expect(await tally()).toEqual({ all: 5_000, different: 5_000 });
  });

  it('when every connection to Redis is cut while the worker waits for work', async () => {
    await worker();
    for (const round of [0, 1, 2]) {
      await add('lab.note', notes(10, round * 10));
      await eventually(left, (count) => count === 0, 5_000);
      if (round < 2) await redis.ask((client) => client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'));
    }
    await redis.kill();
    await redis.start();
    await add('lab.note', notes(10, 30));
    await eventually(left, (count) => count === 0, 8_000);
    expect(await tally()).toEqual({ all: 40, different: 40 });
  });

  it('when Redis refuses the worker at start, and lets it in later', async () => {
    await redis.ask((client) => client.config('SET', 'requirepass', 'not yet'));
    await worker();
    await add('lab.note', notes(10));
    const inside = new Redis({ path: redis.url.replace('unix://', ''), password: 'not yet' });
    await inside.config('SET', 'requirepass', '');
    inside.disconnect();
    await eventually(left, (count) => count === 0);
    expect(await tally()).toEqual({ all: 10, different: 10 });
  });

  it('when Redis is not there at start', async () => {
    await redis.kill();
    await add('lab.note', notes(500));
    const { url } = await worker();
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    expect(await done()).toBe(0);
    await redis.start();
    await eventually(left, (count) => count === 0);
    expect(await tally()).toEqual({ all: 500, different: 500 });
  });

  it('when Redis is full', async () => {
    await worker();
    await add('lab.note', notes(3_000));
    await eventually(done, (count) => count > 200);
    await redis.ask((client) => client.config('SET', 'maxmemory', '1mb'));
    await expect(redis.ask((client) => client.set('more', 'no'))).rejects.toThrow('OOM');
    await add('lab.note', notes(1_000, 3_000));
    // Nothing is lost and nothing doubled while it refuses; with room it goes on.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await redis.ask((client) => client.config('SET', 'maxmemory', '100mb'));
    await eventually(left, (count) => count === 0, 30_000);
    expect(await tally()).toEqual({ all: 4_000, different: 4_000 });
  });
});

describe('a worker that is asked to stop', () => {
  it('gives back at once, uncounted, what it cannot finish', async () => {
    const lab = await worker();
    await add('lab.linger', [{ n: 1, ms: 60_000 }], 'lab-slow');
    await add('lab.note', notes(2_000));
    await eventually(
      () => database.rows('SELECT n FROM lab_runs'),
      (runs) => runs.length === 1,
    );
    expect(await lab.end('SIGTERM')).toBe(0);
    expect(await database.rows(`SELECT state, runs, failures FROM outbox WHERE queue = 'lab-slow'`)).toEqual([
      { state: 'queued', runs: 0, failures: 0 },
    ]);
    await worker();
    await eventually(
      () => database.rows(`SELECT FROM outbox WHERE queue = 'lab'`),
      (rows) => rows.length === 0,
    );
  });

  it('finishes what runs, takes nothing new and leaves the rest', async () => {
    const lab = await worker();
    await add(
      'lab.linger',
      [1, 2, 3].map((n) => ({ n, ms: 1_500 })),
      'lab-slow',
    );
    await eventually(
      () => database.rows('SELECT n FROM lab_runs'),
      (runs) => runs.length === 1,
    );
    expect(await lab.end('SIGTERM')).toBe(0);
    expect(await tally()).toEqual({ all: 1, different: 1 });
    expect(await left()).toBe(2);
  });
});
