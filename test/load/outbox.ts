import pg from 'pg';
import { Transactions, type Tx } from '../../src/database/transactions.js';
import { newId } from '../../src/kernel/ids.js';
import { Outbox } from '../../src/outbox/outbox.service.js';
import { openLab, spawnLab } from '../support/lab.js';
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

/** Transactions that pledge, with and without an outbox row, in turns within one process. */
export async function commits(env: Env, postgres: number): Promise<Figure> {
  const app = await openLab({ ...env, APP_ROLE: 'api' });
  const transactions = app.get(Transactions);
  const outbox = app.get(Outbox);
  const pledge = (tx: Tx) => tx.query<unknown>('INSERT INTO lab_pledges (id, n, amount_cents) VALUES ($1, $2, $3)', [newId(), 1, 5_000]);
  const without = () => transactions.run(pledge);
  const withRow = () =>
    transactions.run(async (tx) => {
      await pledge(tx);
      outbox.add(tx, note, { n: 1 }, { runAt: new Date('2100-01-01') });
    });
  const COUNT = 4_000;
  const round = async (one: () => Promise<unknown>) => {
    let left = COUNT;
    const pids = [process.pid, postgres];
    const [began, cpu] = [performance.now(), cpuSeconds(pids)];
    await clients(64, async () => {
      if (left <= 0) return false;
      left -= 1;
      await one();
      return true;
    });
    return { perSecond: COUNT / ((performance.now() - began) / 1_000), cpu: ((cpuSeconds(pids) - cpu) / COUNT) * 1e6 };
  };
  await round(without);
  await round(withRow);
  const pairs: { plain: Awaited<ReturnType<typeof round>>; rowed: Awaited<ReturnType<typeof round>> }[] = [];
  for (let turn = 0; turn < 7; turn += 1) {
    if (turn % 2 === 0) pairs.push({ plain: await round(without), rowed: await round(withRow) });
    else {
      const rowed = await round(withRow);
      pairs.push({ plain: await round(without), rowed });
    }
  }
  await app.close();
  const ratio = median(pairs.map(({ plain, rowed }) => rowed.perSecond / plain.perSecond));
  const cost = median(pairs.map(({ plain, rowed }) => rowed.cpu / plain.cpu));
  return {
    what: 'commits with an outbox row against without, 64 clients, median of 7 pairs',
    measured: `${(ratio * 100).toFixed(0)} % of the throughput (${median(pairs.map(({ plain }) => plain.perSecond)).toFixed(0)}/s without; CPU ${cost.toFixed(2)}×)`,
    promise: 'at least 75 %',
    met: ratio >= 0.75,
  };
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
  for (;;) {
    const { rows } = await database.query<{ left: number }>('SELECT count(*)::int AS left FROM outbox');
    if (rows[0]?.left === 0) break;
  }
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
