import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import pg from 'pg';
import { pause } from '../../src/kernel/waiting.js';
import { startCloudApi } from '../support/cloud-api.js';
import { eventually, spawnLab } from '../support/lab.js';
import { Connection } from './connection.js';
import { within } from './crowd.js';
import { residentMb, type Figure } from './figures.js';
import { addCampaigns } from './givers.js';

type Env = Record<string, string | undefined>;

const PER_SECOND = 80;
const MESSAGES = 10_000;
const BACKLOG = 50_000;
const READS = 500;
const READ_EVERY_MS = 20;
const MOST_P95_MS = 500;
const MOST_MB = 250;
const OLDEST_SECONDS = 1_800;
const MOST_PREPARING_MS = 300_000;

/** Messages that are due, each to another telephone, the first of them since so long. */
const fill = (db: pg.Client, many: number, oldestSeconds: number) =>
  db.query(
    `WITH people AS (INSERT INTO whatsapp_recipients (phone, next_at, opted_out)
       SELECT '+5511' || (970000000 + n)::text, now(), false FROM generate_series(1, $1::int) n RETURNING phone)
     INSERT INTO whatsapp_messages (id, lane, phone, text, state, send_at, rank_at, handovers, tries, created_at)
     SELECT gen_random_uuid(), 'direct', phone, 'Olá', 'queued', at, at, 0, 0, at
     FROM (SELECT phone, now() - $2 * interval '1 second' + row_number() OVER () * interval '1 millisecond' AS at FROM people) AS due`,
    [many, oldestSeconds],
  );
const empty = (db: pg.Client) => db.query('DELETE FROM whatsapp_messages; DELETE FROM whatsapp_recipients');

/** Ten thousand messages over two workers, as Meta would see them; and what fifty thousand that wait cost everybody else. */
export async function messages(env: Env): Promise<Figure[]> {
  const db = new pg.Client({ connectionString: env.DATABASE_URL });
  await db.connect();
  const meta = await startCloudApi();
  const sending = { ...env, ...meta.env, WHATSAPP_RATE_PER_SECOND: String(PER_SECOND), LOG_LEVEL: 'warn' };
  try {
    await fill(db, MESSAGES, 0);
    const workers = await Promise.all([1, 2].map(() => spawnLab({ ...sending, APP_ROLE: 'worker' }, { silent: true })));
    const watching = monitorEventLoopDelay({ resolution: 5 });
    watching.enable();
    const heard = await meta.heard(MESSAGES);
    watching.disable();
    const paced = pace(
      heard.map(({ at }) => at),
      watching.max / 1e9,
    );
    await Promise.all(workers.map(({ end }) => end()));
    const all = { ...sending, APP_ROLE: 'all', RATE_LIMIT_USER_PER_MINUTE: '0', WHATSAPP_ENFORCE_WINDOW: 'false' };
    return [paced, await backlog(db, all), await preparing(db, env.DATABASE_URL ?? '', all)];
  } finally {
    await meta.close();
    await db.end();
  }
}

function pace(at: number[], stoodStill: number): Figure {
  at.sort((a, b) => a - b);
  let most = 0;
  for (let from = 0, to = 0; to < at.length; to += 1) {
    while (at[to]! - at[from]! >= 1_000) from += 1;
    most = Math.max(most, to - from + 1);
  }
  // What came while the stand-in itself stood still came to it at once.
  const allowed = Math.floor(PER_SECOND * (1.05 + stoodStill));
  const [took, ideal] = [(at.at(-1)! - at[0]!) / 1_000, MESSAGES / PER_SECOND];
  return {
    what: `${MESSAGES} messages at ${PER_SECOND}/s by two workers`,
    measured: `${took.toFixed(1)} s of ${ideal.toFixed(1)} s (${((took / ideal - 1) * 100).toFixed(1)} % over), at most ${most} in any second (who heard them stood still for ${(stoodStill * 1_000).toFixed(0)} ms at most)`,
    promise: `within 5 % of the ideal time, never more than ${PER_SECOND * 1.05} in a second, and those of a standstill`,
    met: took <= ideal * 1.05 && most <= allowed,
  };
}

async function backlog(db: pg.Client, env: Env): Promise<Figure> {
  await empty(db);
  await fill(db, BACKLOG, OLDEST_SECONDS);
  const ours = await spawnLab(env, { silent: true });
  const connection = await Connection.to(ours.url);
  const waits: number[] = [];
  const paths = ['/api/v1/campaigns', '/api/v1/plans', '/health'];
  let oldest = 0;
  for (let n = 0; n < READS; n += 1) {
    const asked = performance.now();
    const answer = await connection.ask('GET', paths[n % paths.length]!);
    waits.push(performance.now() - asked);
    if (n === 2) oldest = oldestIn(answer.body.toString());
    await pause(READ_EVERY_MS);
  }
  const p95 = within(Float64Array.from(waits).sort(), 0.95);
  const mb = residentMb(ours.process.pid ?? Number.NaN);
  connection.close();
  await ours.end();
  await empty(db);
  const off = Math.abs(oldest - OLDEST_SECONDS);
  return {
    what: `others while ${BACKLOG} messages wait and are sent`,
    measured: `P95 ${p95.toFixed(0)} ms, ${mb.toFixed(0)} MB in the process that sends and serves, the oldest told to be ${oldest} s old (${OLDEST_SECONDS} and what passed)`,
    promise: `P95 under ${MOST_P95_MS} ms, under ${MOST_MB} MB, the age right`,
    met: p95 < MOST_P95_MS && mb < MOST_MB && off < 60,
  };
}

/** A broadcast to fifty thousand, from its wish until each has his message in the line. */
async function preparing(db: pg.Client, databaseUrl: string, env: Env): Promise<Figure> {
  const [campaignId = ''] = await addCampaigns(databaseUrl, 1);
  await db.query(
    `INSERT INTO donations (id, campaign_id, donor_key, donor_name, donor_phone, messaging_consent, anonymous, amount_cents, currency, provider, method,
       status, created_at, expires_at, confirmed_at)
     SELECT gen_random_uuid(), $1, gen_random_uuid(), 'Bia Lima', '+5511' || (970000000 + n)::text, true, false, 5000, 'BRL', 'sandbox', 'pix',
       'confirmed', now(), now(), now() FROM generate_series(1, $2::int) AS n`,
    [campaignId, BACKLOG],
  );
  const ours = await spawnLab(env, { silent: true });
  const { id, accessToken } = await signedUp(ours.url);
  await db.query(`UPDATE users SET role = 'admin' WHERE id = $1`, [id]);
  const template = { name: 'campaign_news', language: 'pt_BR', parameters: ['{name}', 'Um telhado novo', 'As telhas chegaram!'] };
  const wish = () =>
    fetch(`${ours.url}/api/v1/queues/whatsapp/broadcasts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` },
      body: JSON.stringify({ campaignId, template, audience: { kind: 'supporters' } }),
    });
  const began = performance.now();
  // His new rights are known to all processes within a second.
  await eventually(wish, ({ status }) => status === 201);
  let mb = 0;
  await eventually(
    async () => {
      mb = Math.max(mb, residentMb(ours.process.pid ?? Number.NaN));
      return (await db.query<{ n: number }>('SELECT prepared AS n FROM whatsapp_broadcasts')).rows;
    },
    ([broadcast]) => broadcast?.n === BACKLOG,
    MOST_PREPARING_MS,
  );
  const seconds = (performance.now() - began) / 1_000;
  await ours.end();
  return {
    what: `a broadcast to ${BACKLOG} people, until each has a message in the line`,
    measured: `${seconds.toFixed(1)} s, at most ${mb.toFixed(0)} MB in the process that prepares, sends and serves`,
    promise: `under ${MOST_MB} MB`,
    met: mb < MOST_MB,
  };
}

async function signedUp(url: string): Promise<{ id: string; accessToken: string }> {
  const person = { email: `${randomUUID()}@example.org`, password: 'uma frase bem longa e minha', name: 'Ana Souza' };
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/v1/auth/register`, { method: 'POST', headers, body: JSON.stringify(person) });
  const { user, accessToken } = (await answer.json()) as { user: { id: string }; accessToken: string };
  return { id: user.id, accessToken };
}

const oldestIn = (health: string): number =>
  (JSON.parse(health) as { details: { queues: Record<string, { oldestSeconds: number }> } }).details.queues.whatsapp?.oldestSeconds ?? 0;
