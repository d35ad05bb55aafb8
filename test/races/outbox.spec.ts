import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Transactions } from '../../src/database/transactions.js';
import { Outbox } from '../../src/outbox/outbox.service.js';
import { OutboxStore, type StartedRow, type Ticket } from '../../src/outbox/outbox.store.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { eventually, labEnvironment, openLab } from '../support/lab.js';
import { linger, note } from '../support/lab.module.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
beforeAll(async () => {
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
});
afterAll(() => Promise.all([database.drop(), redis.stop()]));
beforeEach(() => database.rows('TRUNCATE outbox, handled_jobs, queue_states, lab_effects, lab_runs'));

const left = () => database.rows<{ count: number }>('SELECT count(*)::int FROM outbox').then(([row]) => row?.count);
const tally = () =>
  database
    .rows<{ all: number; different: number }>('SELECT count(*)::int AS all, count(DISTINCT n)::int AS different FROM lab_effects')
    .then(([row]) => row);

const quiet = { LOG_LEVEL: 'silent' };
/** As many at once as there are connections: who waits for one longer than five seconds is refused. */
const addAll = async (app: NestFastifyApplication, from: number, count: number) => {
  let next = 0;
  const add = async () => {
    while (next < count) {
      const n = from + next++;
      await app.get(Transactions).run(async (tx) => app.get(Outbox).add(tx, note, { n }));
    }
  };
  await Promise.all(Array.from({ length: 16 }, add));
};

describe('two relays with their workers at once', () => {
  it('on one Redis do each of many jobs once, while both add more', async () => {
    const apps = await Promise.all([1, 2].map(() => openLab(labEnvironment(database.url, redis.url, quiet))));
    await Promise.all(apps.map((app, index) => addAll(app, index * 1_000, 1_000)));
    await eventually(left, (count) => count === 0);
    expect(await tally()).toEqual({ all: 2_000, different: 2_000 });
    await Promise.all(apps.map((app) => app.close()));
  });

  it('do so even where each has a Redis of its own', async () => {
    const other = await freshRedis();
    const apps = await Promise.all([redis.url, other.url].map((url) => openLab(labEnvironment(database.url, url, quiet))));
    await Promise.all(apps.map((app, index) => addAll(app, index * 500, 500)));
    await eventually(left, (count) => count === 0);
    expect(await tally()).toEqual({ all: 1_000, different: 1_000 });
    await Promise.all(apps.map((app) => app.close()));
    await other.stop();
  });
});

describe('two runs of one job', () => {
  it('that end at the same time have one effect', async () => {
    const apps = await Promise.all([1, 2].map(() => openLab(labEnvironment(database.url, redis.url, quiet))));
    const [first] = apps as [NestFastifyApplication, NestFastifyApplication];
    const runs = () => database.rows('SELECT n FROM lab_runs');
    await first.get(Transactions).run(async (tx) => first.get(Outbox).add(tx, linger, { n: 1, ms: 4_000 }));
    await eventually(runs, (all) => all.length === 1);
    // As if the first process had stood still for longer than its lease.
    await database.rows(`UPDATE outbox SET lease_until = now() - interval '1 second'`);
    await eventually(
      () => database.rows<{ state: string }>('SELECT state FROM outbox'),
      ([row]) => row?.state === 'queued',
    );
    await database.rows('UPDATE outbox SET run_at = now()');
    await eventually(runs, (all) => all.length === 2);
    await eventually(left, (count) => count === 0);
    await Promise.all(apps.map((app) => app.close()));
    expect(await tally()).toEqual({ all: 1, different: 1 });
  });
});

describe('any order of hand-overs, starts, failures, lapses and doubled tickets', () => {
  it('gives each job one effect at most, and exactly one once all is done', async () => {
    const app = await openLab(labEnvironment(database.url, redis.url, { ...quiet, APP_ROLE: 'api' }));
    const store = app.get(OutboxStore);
    const transactions = app.get(Transactions);
    const room = new Map([['lab', 3]]);
    const often = ['add', 'hand', 'start', 'commit'] as const;
    const seldom = ['startAgain', 'fail', 'lapse', 'sweep', 'takeBack', 'forget', 'pause', 'resume'] as const;
    const step = fc.record({ name: fc.constantFrom(...often, ...often, ...often, ...seldom), at: fc.nat(20) });

    const commit = (row: StartedRow) =>
      transactions
        .run(async (tx) => {
          store.guard(tx, row);
          await tx.query('INSERT INTO lab_effects (n, job) VALUES (0, $1)', [row.id]);
        })
        .catch((fault: unknown) => {
          if ((fault as { constraint?: string }).constraint !== 'handled_jobs_pkey') throw fault;
        });

    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), async (steps) => {
        await database.rows('TRUNCATE outbox, handled_jobs, queue_states, lab_effects');
        const ids: string[] = [];
        const tickets: Ticket[] = [];
        const started: StartedRow[] = [];
        const pick = <T>(from: T[], at: number) => from[at % Math.max(1, from.length)];
        for (const { name, at } of [...steps, { name: 'resume' as const, at: 0 }]) {
          const ticket = pick(tickets, at);
          const row = pick(started, at);
          if (name === 'add') ids.push(await transactions.run(async (tx) => app.get(Outbox).add(tx, note, { n: ids.length })));
          if (name === 'hand') tickets.push(...(await store.hand(room)));
          if (name === 'start' && ticket) started.push(...(await store.start([ticket, ...tickets])));
          if (name === 'startAgain' && ticket) {
            const twice = (await Promise.all([store.start([ticket]), store.start([ticket])])).flat();
            expect(twice.length).toBeLessThanOrEqual(1);
            started.push(...twice);
          }
          if (name === 'commit' && row) await Promise.all([commit(row), commit(row)]);
          if (name === 'fail' && row) await store.fail(row, 'on purpose', 0);
          if (name === 'lapse')
            await database.rows(`UPDATE outbox SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL`);
          if (name === 'sweep') await store.sweep();
          if (name === 'takeBack' && ticket) await store.takeBack([ticket]);
          if (name === 'forget') await store.takeAllBack();
          if (name === 'pause')
            await database.rows(`INSERT INTO queue_states VALUES ('lab', true) ON CONFLICT (queue) DO UPDATE SET paused = true`);
          if (name === 'resume') await database.rows(`UPDATE queue_states SET paused = false`);
          const [doubled] = await database.rows('SELECT job FROM lab_effects GROUP BY job HAVING count(*) > 1');
          expect(doubled).toBeUndefined();
        }
        // What ended its process ten times is dead by design; everything else must come through now.
        for (let round = 0; round < 20; round += 1) {
          await database.rows(`UPDATE outbox SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL`);
          await store.sweep();
          await database.rows(`UPDATE outbox SET run_at = now()`);
          await Promise.all((await store.start(await store.hand(new Map([['lab', 100]])))).map(commit));
        }
        await database.rows(`UPDATE outbox SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL`);
        await store.sweep();
        const rest = await database.rows<{ id: string; state: string }>('SELECT id, state FROM outbox');
        expect(rest.every(({ state }) => state === 'dead')).toBe(true);
        const dead = new Set(rest.map(({ id }) => id));
        const done = (await database.rows<{ job: string }>('SELECT job FROM lab_effects')).map(({ job }) => job);
        expect(done.sort()).toEqual(ids.filter((id) => !dead.has(id)).sort());
      }),
      { numRuns: 60 },
    );
    await app.close();
  });
});

describe('a job that ends its process every time', () => {
  it('is a dead letter after ten of them, not a loop for ever', async () => {
    const app = await openLab(labEnvironment(database.url, redis.url, { ...quiet, APP_ROLE: 'api' }));
    const store = app.get(OutboxStore);
    await app.get(Transactions).run(async (tx) => app.get(Outbox).add(tx, note, { n: 1 }));
    for (let crash = 1; crash <= 10; crash += 1) {
      expect(await store.start(await store.hand(new Map([['lab', 10]])))).toHaveLength(1);
      await database.rows(`UPDATE outbox SET lease_until = now() - interval '1 second'`);
      expect(await store.sweep()).toMatchObject([{ state: crash < 10 ? 'queued' : 'dead' }]);
      const [{ wait }] = (await database.rows<{ wait: number }>(
        'SELECT extract(epoch FROM run_at - now())::float AS wait FROM outbox',
      )) as [{ wait: number }];
      expect(wait).toBeLessThanOrEqual(2 ** crash);
      await database.rows('UPDATE outbox SET run_at = now()');
    }
    expect(await database.rows('SELECT last_error FROM outbox')).toEqual([
      { last_error: 'the process died or stood still while it ran this job' },
    ]);
    await app.close();
  });
});
