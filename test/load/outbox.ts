import pg from 'pg';
import { DataSource } from 'typeorm';
import { Transactions, type Tx } from '../../src/database/transactions.js';
import { newId } from '../../src/kernel/ids.js';
import { Outbox } from '../../src/outbox/outbox.service.js';
import { eventually, openLab, spawnLab } from '../support/lab.js';
import { note } from '../support/lab.module.js';
import { cpuSeconds, median, type Figure } from './figures.js';

type Env = Record<string, string | undefined>;

const clients = async (count: number, work: () => Promise<boolean>) => {
  await Promise.all(
    Array.from({ length: count }, async () => {
      while (await work());
    }),
  );
};

const COUNT = 4_000;
const PAIRS = 7;

/** Transactions with and without an outbox row, in turns within one process: a gift as it must be recorded, and a single small insert. */
export async function commits(env: Env, postgres: number): Promise<Figure[]> {
  const app = await openLab({ ...env, APP_ROLE: 'api' });
  const transactions = app.get(Transactions);
  const outbox = app.get(Outbox);
  const campaign = newId();
  await app.get(DataSource).query(`INSERT INTO lab_campaigns VALUES ($1, '2100-01-01')`, [campaign]);
  const pledge = (tx: Tx) => tx.query<unknown>('INSERT INTO lab_pledges (id, n, amount_cents) VALUES ($1, $2, $3)', [newId(), 1, 5_000]);
  const gift = async (tx: Tx) => {
    await tx.query('INSERT INTO lab_requests (key, fingerprint) VALUES ($1, $2)', [newId(), 'c0ffee']);
    await tx.query(
      `INSERT INTO lab_gifts (id, campaign_id, donor, amount_cents, message)
       SELECT $1, id, $3, $4, $5 FROM lab_campaigns WHERE id = $2 AND ends_at > now()`,
      [newId(), campaign, `donor ${Math.floor(Math.random() * 1e6)}@example.org`, 5_000, 'Força, Dona Maria!'],
    );
  };
  const round = async (work: (tx: Tx) => Promise<unknown>, adds: boolean) => {
    let left = COUNT;
    const pids = [process.pid, postgres];
    const [began, cpu] = [performance.now(), cpuSeconds(pids)];
    await clients(64, async () => {
      if (left <= 0) return false;
      left -= 1;
      await transactions.run(async (tx) => {
        await work(tx);
        if (adds) outbox.add(tx, note, { n: 1 }, { runAt: new Date('2100-01-01') });
      });
      return true;
    });
    return { perSecond: COUNT / ((performance.now() - began) / 1_000), cpu: ((cpuSeconds(pids) - cpu) / COUNT) * 1e6 };
  };
  const compare = async (what: string, work: (tx: Tx) => Promise<unknown>, least?: number): Promise<Figure> => {
    await round(work, false);
    await round(work, true);
    const pairs: { plain: Awaited<ReturnType<typeof round>>; rowed: Awaited<ReturnType<typeof round>> }[] = [];
    for (let turn = 0; turn < PAIRS; turn += 1) {
      const first = await round(work, turn % 2 === 0);
      const second = await round(work, turn % 2 !== 0);
      pairs.push(turn % 2 === 0 ? { rowed: first, plain: second } : { plain: first, rowed: second });
    }
    const ratio = median(pairs.map(({ plain, rowed }) => rowed.perSecond / plain.perSecond));
    const cost = median(pairs.map(({ plain, rowed }) => rowed.cpu / plain.cpu));
    const alone = median(pairs.map(({ plain }) => plain.perSecond));
    return {
      what: `${what} and an outbox row against without, 64 clients, median of ${PAIRS} pairs`,
      measured: `${(ratio * 100).toFixed(0)} % of the throughput (${alone.toFixed(0)}/s without; CPU ${cost.toFixed(2)}×)`,
      promise: least === undefined ? 'told, not promised' : `at least ${least * 100} %`,
      met: least === undefined || ratio >= least,
    };
  };
  const figures = [
    await compare('commits of a gift (key, campaign open, gift)', gift, 0.75),
    await compare('commits of one insert of three columns', pledge),
  ];
  await app.close();
  return figures;
}

/** Small jobs from the transaction that adds each to the commit of each effect, adding and doing at the same time. */
export async function jobs(env: Env, engines: number[]): Promise<Figure[]> {
  const database = new pg.Client({ connectionString: env.DATABASE_URL });
  await database.connect();
  await database.query('TRUNCATE outbox, handled_jobs, lab_effects');
  const worker = await spawnLab({ ...env, APP_ROLE: 'worker' });
  const app = await openLab({ ...env, APP_ROLE: 'api' });
  const transactions = app.get(Transactions);
  const outbox = app.get(Outbox);
  const pids = [process.pid, worker.process.pid ?? Number.NaN, ...engines];
  const SECONDS = 15;
  let added = 0;
  const [began, cpu] = [performance.now(), cpuSeconds(pids)];
  await clients(16, async () => {
    await transactions.run(async (tx) => outbox.add(tx, note, { n: (added += 1) }));
    return performance.now() - began < SECONDS * 1_000;
  });
  // Looked at seldom: who counts all the time takes a core of the two from those who work.
  await eventually(
    () => database.query<{ done: boolean }>('SELECT NOT EXISTS (SELECT FROM outbox) AS done'),
    ({ rows }) => rows[0]?.done === true,
    120_000,
  );
  const seconds = (performance.now() - began) / 1_000;
  const cost = ((cpuSeconds(pids) - cpu) / added) * 1e6;
  const { rows } = await database.query<{ all: number; different: number }>(
    'SELECT count(*)::int AS all, count(DISTINCT n)::int AS different FROM lab_effects',
  );
  await Promise.all([app.close(), worker.end(), database.end()]);
  const [tally] = rows;
  return [
    {
      what: `small jobs end to end, each added in its own transaction, over ${SECONDS} s`,
      measured: `${(added / seconds).toFixed(0)}/s (${cost.toFixed(0)} µs CPU a job over api, worker, PostgreSQL and Redis)`,
      promise: 'at least 2000/s',
      met: added / seconds >= 2_000,
    },
    {
      what: 'effects of those jobs',
      measured: `${tally?.all} of ${added}, ${tally?.different} different`,
      promise: 'each once',
      met: tally?.all === added && tally.different === added,
    },
  ];
}
