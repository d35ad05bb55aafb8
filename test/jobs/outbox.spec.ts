import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Transactions } from '../../src/database/transactions.js';
import { Refusal } from '../../src/kernel/problems.js';
import { Outbox, type When } from '../../src/outbox/outbox.service.js';
import { Queues } from '../../src/outbox/queues.service.js';
import type { JobContract } from '../../src/outbox/contracts.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { eventually, labEnvironment, openLab } from '../support/lab.js';
import { careless, hopeless, linger, note, stumble } from '../support/lab.module.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let app: NestFastifyApplication;
let queues: Queues;

beforeAll(async () => {
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  app = await openLab(labEnvironment(database.url, redis.url, { LOG_LEVEL: 'silent' }));
  queues = app.get(Queues);
});
afterAll(async () => {
  await app.close();
  await Promise.all([database.drop(), redis.stop()]);
});
afterEach(() => database.rows('TRUNCATE outbox, handled_jobs, queue_states, lab_effects, lab_runs'));

const add = <P>(job: JobContract<P>, payload: P, when?: When): Promise<string> =>
  app.get(Transactions).run(async (tx) => app.get(Outbox).add(tx, job, payload, when));
const effects = () => database.rows<{ n: number }>('SELECT n FROM lab_effects ORDER BY at').then((rows) => rows.map(({ n }) => n));
const outbox = () =>
  database.rows<{ id: string; state: string; failures: number; last_error: string | null; handovers: number }>(
    'SELECT * FROM outbox ORDER BY id',
  );
const left = () => database.rows<{ count: number }>('SELECT count(*)::int FROM outbox').then(([row]) => row?.count);

describe('a job in the outbox', () => {
  it('is not there when its transaction is rolled back', async () => {
    const refused = app.get(Transactions).run(async (tx) => {
      app.get(Outbox).add(tx, note, { n: 1 });
      await tx.query('SELECT 1');
      throw new Error('the change was refused');
    });
    await expect(refused).rejects.toThrow('the change was refused');
    await add(note, { n: 2 });
    await eventually(effects, (all) => all.length > 0);
    expect(await effects()).toEqual([2]);
  });

  it('takes effect once, leaves its guard and is gone', async () => {
    const id = await add(note, { n: 7 });
    await eventually(left, (count) => count === 0);
    expect(await effects()).toEqual([7]);
    expect(await database.rows('SELECT outbox_id, job FROM handled_jobs')).toEqual([{ outbox_id: id, job: 'lab.note' }]);
  });

  it('carries any text unharmed', async () => {
    const text = `O'Reilly "x" \\ \\\\ '; DROP TABLE outbox; -- 💚 ção $1 %s ${'y'.repeat(10_000)}`;
    await app.get(Queues).pause('lab');
    const id = await app.get(Transactions).run(async (tx) => app.get(Outbox).add(tx, note, { n: 1, text } as { n: number }));
    expect(await database.rows('SELECT payload FROM outbox WHERE id = $1', [id])).toEqual([{ payload: { n: 1, text } }]);
  });

  it('refuses the whole change where the payload cannot be stored', async () => {
    const withNul = { n: 1, text: 'a\0b' } as { n: number };
    await expect(add(note, withNul)).rejects.toThrow(/unsupported Unicode escape/);
    expect(await left()).toBe(0);
  });

  it('is tried again after a failure, with the reason kept, until it succeeds', async () => {
    await add(stumble, { n: 3, times: 2 });
    await eventually(outbox, ([row]) => row?.last_error?.includes('stumbled over 3') ?? false);
    await eventually(left, (count) => count === 0);
    expect(await effects()).toEqual([3]);
  });

  it('becomes a dead letter after its last attempt, is shown, and can be given all attempts again', async () => {
    await add(stumble, { n: 4, times: 8 });
    const [letter] = await eventually(
      () => queues.deadLetters('lab'),
      (letters) => letters.length === 1,
    );
    expect(letter).toMatchObject({ job: 'lab.stumble', failures: 8, lastError: 'stumbled over 4, failure 8' });
    expect((await queues.figures()).find(({ queue }) => queue === 'lab')).toMatchObject({ dead: 1, waiting: 0, running: 0 });
    expect(await effects()).toEqual([]);
    await database.rows(`UPDATE outbox SET payload = '{"n": 4, "times": 0}'`);
    expect(await queues.retry('lab')).toBe(1);
    await eventually(effects, (all) => all.length === 1);
  });

  it('becomes a dead letter at once where its handler sees no hope', async () => {
    await add(hopeless, { n: 5 });
    const [letter] = await eventually(
      () => queues.deadLetters('lab'),
      (letters) => letters.length === 1,
    );
    expect(letter).toMatchObject({ failures: 1, lastError: 'nothing can be done about 5' });
    expect(await database.rows('SELECT n FROM lab_runs')).toEqual([{ n: 5 }]);
  });

  it.each(['swallow', 'float', 'nul', 'strange', 'twice'] as const)(
    'has its one effect even where its handler is careless: %s',
    async (how) => {
      await add(careless, { n: 8, how });
      await eventually(left, (count) => count === 0, 5_000);
      expect(await effects()).toEqual([8]);
    },
  );

  it('waits for its time', async () => {
    const runAt = new Date(Date.now() + 1_500);
    await add(note, { n: 6 }, { runAt });
    await add(note, { n: 7 });
    await eventually(effects, (all) => all.length === 2);
    const [early] = await database.rows<{ at: Date }>('SELECT at FROM lab_effects WHERE n = 6');
    expect(await effects()).toEqual([7, 6]);
    expect(early?.at.getTime()).toBeGreaterThanOrEqual(runAt.getTime());
  });

  it('that this version does not know is left for a newer one, uncounted', async () => {
    await database.rows(
      `INSERT INTO outbox (id, queue, job, payload, rank_at) VALUES (gen_random_uuid(), 'lab', 'lab.of-tomorrow', '{}', now())`,
    );
    const [row] = await eventually(outbox, ([first]) => first?.state === 'queued' && first.handovers === 1);
    expect(row).toMatchObject({ failures: 0, runs: 0 });
  });
});

describe('a paused queue', () => {
  it('begins nothing, not even what was handed over already, and goes on when resumed', async () => {
    await add(linger, { n: 1, ms: 300 });
    await add(linger, { n: 2, ms: 0 });
    await eventually(
      () => database.rows('SELECT n FROM lab_runs'),
      (runs) => runs.length === 1,
    );
    await eventually(outbox, (rows) => rows.some(({ state }) => state === 'handed'));
    await queues.pause('lab-slow');
    await eventually(effects, (all) => all.length === 1);
    await add(linger, { n: 3, ms: 0 });
    // Another queue proves that relay and worker have looked meanwhile.
    await add(note, { n: 9 });
    await eventually(effects, (all) => all.includes(9));
    expect(await effects()).not.toContain(2);
    expect((await queues.figures()).find(({ queue }) => queue === 'lab-slow')).toMatchObject({ paused: true, waiting: 2 });
    await queues.resume('lab-slow');
    await eventually(effects, (all) => all.length === 4);
    expect((await effects()).sort()).toEqual([1, 2, 3, 9]);
  });

  it('that does not exist is a plain refusal', async () => {
    await expect(queues.pause('nothing')).rejects.toThrow(Refusal);
    await expect(queues.retry('nothing')).rejects.toThrow('There is no queue named nothing.');
  });
});

describe('priorities', () => {
  // On a busy machine a ticket may lie too long and be handed over again, behind the others.
  it('let higher ones go first, and age: a low one that has waited long goes before all', { retry: 2 }, async () => {
    await queues.pause('lab-slow');
    await add(linger, { n: 1, ms: 0 }, { priority: 'low' });
    await add(linger, { n: 2, ms: 0 }, { priority: 'normal' });
    await add(linger, { n: 3, ms: 0 }, { priority: 'high' });
    await add(linger, { n: 4, ms: 0 }, { priority: 'low' });
    const ago = `interval '130 seconds'`;
    await database.rows(`UPDATE outbox SET run_at = run_at - ${ago}, rank_at = rank_at - ${ago} WHERE payload->>'n' = '4'`);
    await queues.resume('lab-slow');
    await eventually(effects, (all) => all.length === 4);
    expect(await effects()).toEqual([4, 3, 2, 1]);
  });
});
