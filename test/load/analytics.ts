import { mkdtemp, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { plusDays, todayAt } from '../../src/analytics/reports/days.js';
import { reportNames } from '../../src/analytics/reports/reports.js';
import { newId } from '../../src/kernel/ids.js';
import { pause } from '../../src/kernel/waiting.js';
import { AI_CALLS, CAMPAIGNS, GIFTS, MESSAGES, RECIPIENT } from '../support/business.js';
import { truths } from '../support/business.truth.js';
import { spawnLab } from '../support/lab.js';
import { asInProduction } from './against.js';
import type { Figure } from './figures.js';

const GIVEN = Number(process.env.BENCH_GIFTS ?? 10_000_000);
const GIVERS = GIVEN / 10;
const CAMPAIGN_COUNT = 300;
const SENT = GIVEN / 5;
const CALLS = GIVEN / 4;
const DAYS = 720;
const TURNS = 5;
const PG_TURNS = 2;
/** What takes longer is measured once. */
const LONG_MS = 10_000;
const LOOK_MS = 50;
const TOKEN_MS = 300_000;
const MOST_MB = 1_024;
const LEAST_ROWS = 200_000;
const TENTH = 0.1;

const secondary = (table: string) =>
  `SELECT indexname AS name, indexdef AS made FROM pg_indexes WHERE tablename = '${table}' AND indexname <> '${table}_pkey'`;

/** Without indexes and checks of keys it is filled in a few minutes; afterwards all are there again. */
async function fill(databaseUrl: string | undefined, adminId: string): Promise<void> {
  const connected = async (work: (database: pg.Client) => Promise<void>) => {
    const database = new pg.Client({ connectionString: databaseUrl });
    await database.connect();
    try {
      await database.query(`SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '512MB'`);
      await work(database);
    } finally {
      await database.end();
    }
  };
  const filled = async (database: pg.Client, table: string, text: string, values: unknown[]) => {
    const { rows: indexes } = await database.query<{ name: string; made: string }>(secondary(table));
    for (const { name } of indexes) await database.query(`DROP INDEX ${name}`);
    await database.query(text, values);
    for (const { made } of indexes) await database.query(made);
    await database.query(`VACUUM ANALYZE ${table}`);
  };
  const titles = Array.from({ length: CAMPAIGN_COUNT }, (_, n) => `Campanha ${n}`);
  let ids: string[] = [];
  await connected(async (database) => {
    await database.query(CAMPAIGNS, [1, adminId, titles]);
    ids = (await database.query<{ id: string }>('SELECT id FROM campaigns')).rows.map(({ id }) => id);
    await database.query(RECIPIENT);
  });
  await Promise.all([
    connected((database) => filled(database, 'donations', GIFTS, [ids, GIVEN, GIVERS, DAYS])),
    connected(async (database) => {
      await filled(database, 'whatsapp_messages', MESSAGES, [ids, SENT, DAYS]);
      await filled(database, 'ai_calls', AI_CALLS, [adminId, CALLS, DAYS]);
    }),
  ]);
}

/** Nothing of a process that ended while we looked. */
function toldBy(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** The most memory that each child of a process ever had, by kind and in MB. */
class Peaks {
  readonly most = new Map<string, number>();
  private readonly timer = setInterval(() => this.look(), LOOK_MS);

  constructor(private readonly parent: number) {}

  look(): void {
    for (const pid of toldBy(`/proc/${this.parent}/task/${this.parent}/children`).split(' ').filter(Boolean)) {
      const kind = /(writer|engine)\.child\.js/.exec(toldBy(`/proc/${pid}/cmdline`))?.[1];
      const kb = /VmHWM:\s+(\d+)/.exec(toldBy(`/proc/${pid}/status`))?.[1];
      if (kind !== undefined && kb !== undefined) this.most.set(kind, Math.max(this.most.get(kind) ?? 0, Number(kb) / 1024));
    }
  }

  end(): void {
    clearInterval(this.timer);
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Questions over many gifts: how fast they are exported, and how fast the reports are beside SQL in PostgreSQL. */
export async function analytics(env: Record<string, string | undefined>): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mutirao-bench-'));
  const settings = {
    APP_ROLE: 'all',
    ANALYTICS_DIR: folder,
    ANALYTICS_PROCESSES: '1',
    RATE_LIMIT_PER_MINUTE: '0',
    PAYMENT_PROVIDER: 'sandbox',
  };
  const lab = await spawnLab({ ...env, ...asInProduction, SANDBOX_WEBHOOK_SECRET: 'bench', ...settings }, { silent: true });
  const database = new pg.Client({ connectionString: env.DATABASE_URL });
  const peaks = new Peaks(lab.process.pid ?? Number.NaN);
  try {
    return await measured(lab.url, env.DATABASE_URL, database, peaks);
  } finally {
    peaks.end();
    await database.end();
    await lab.end();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measured(url: string, databaseUrl: string | undefined, database: pg.Client, peaks: Peaks): Promise<Figure[]> {
  // The server ends this connection where something else fails.
  database.on('error', () => undefined);
  await database.connect();
  const ask = async (method: string, path: string, token?: string, body?: object) => {
    const headers = {
      ...(body && { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const response = await fetch(`${url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  };
  const account = { email: `bench-${newId()}@example.org`, password: 'uma frase bem longa e minha' };
  const { user } = await ask('POST', '/auth/register', undefined, { ...account, name: 'Ana Souza' });
  const { id } = user as { id: string };
  await database.query(`UPDATE users SET role = 'admin' WHERE id = $1`, [id]);
  let token = { value: '', until: 0 };
  /** The same until it is old: all of this takes longer than a token holds. */
  const asAdmin = async () => {
    if (token.until > Date.now()) return token.value;
    const { accessToken } = (await ask('POST', '/auth/login', undefined, account)) as { accessToken: string };
    token = { value: accessToken, until: Date.now() + TOKEN_MS };
    return accessToken;
  };
  await fill(databaseUrl, id);

  await ask('POST', '/analytics/refresh', await asAdmin());
  let refresh: { state: string; finding: { rows: number; tookMs: number; bytes: number; why?: string } | null };
  do {
    await pause(500);
    ({ refresh } = (await ask('GET', '/analytics/datasets', await asAdmin())) as { refresh: typeof refresh });
  } while (!['done', 'failed'].includes(refresh.state));
  if (refresh.state !== 'done' || !refresh.finding) throw new Error(`not exported: ${refresh.finding?.why ?? ''}`);
  const { rows, tookMs, bytes } = refresh.finding;
  const perSecond = (rows / tookMs) * 1_000;

  const today = todayAt(Date.now());
  const from = plusDays(today, -DAYS);
  const figures: Figure[] = [];
  for (const name of reportNames) {
    const own: number[] = [];
    const hand: number[] = [];
    const admin = await asAdmin();
    const report = () => ask('GET', `/analytics/reports/${name}?from=${from}&to=${today}`, admin);
    await report();
    for (let turn = 0; turn < TURNS; turn += 1) {
      own.push(await timed(report));
      if (turn === 0 || (turn < PG_TURNS && Number(hand[0]) < LONG_MS))
        hand.push(await timed(() => database.query(truths[name], [from, today, null])));
    }
    // The best of each: whatever else the machine does only makes them slower.
    const [mine, theirs] = [Math.min(...own), Math.min(...hand)];
    figures.push({
      what: `report ${name} over HTTP against SQL on PostgreSQL's own tables`,
      measured: `${(mine / theirs).toFixed(3)}× (${mine.toFixed(0)} against ${theirs.toFixed(0)} ms)`,
      promise: 'at most 0.1×',
      met: mine <= theirs * TENTH,
    });
  }
  peaks.look();
  const [engine, writer] = [peaks.most.get('engine') ?? Number.NaN, peaks.most.get('writer') ?? Number.NaN];
  return [
    {
      what: `export of ${rows} rows, ${GIVEN} of them gifts, from the snapshot to the new manifest`,
      measured: `${perSecond.toFixed(0)} rows/s (${(tookMs / 1_000).toFixed(1)} s, ${(bytes / 1e6).toFixed(0)} MB)`,
      promise: `above ${LEAST_ROWS} rows/s`,
      met: perSecond > LEAST_ROWS,
    },
    ...figures,
    {
      what: 'peak memory of the process that answers, and of the one that writes',
      measured: `${engine.toFixed(0)} MB, ${writer.toFixed(0)} MB`,
      promise: `both under ${MOST_MB} MB`,
      met: engine < MOST_MB && writer < MOST_MB,
    },
  ];
}
