import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { pause } from '../../src/kernel/waiting.js';
import { addsUp, template, type Progress } from '../support/broadcasts.js';
import { startCloudApi, type CloudApi } from '../support/cloud-api.js';
import { eventually } from '../support/lab.js';
import { newEmail, PASSWORD } from '../support/people.js';
import { spawnPeople } from '../support/people.processes.js';

let cloud: CloudApi;
let two: Awaited<ReturnType<typeof spawnPeople>>;
let token: string;
beforeAll(async () => {
  cloud = await startCloudApi();
  two = await spawnPeople(2, { ...cloud.env, APP_ROLE: 'all', WHATSAPP_RATE_PER_SECOND: '50', WHATSAPP_ENFORCE_WINDOW: 'false' });
  const person = await two.send(0, 'POST', '/auth/register', { email: newEmail(), password: PASSWORD, name: 'Ana' });
  await two.rows(`UPDATE users SET role = 'organizer'`);
  token = String(person?.json.accessToken);
});
afterAll(async () => {
  await two.close();
  await cloud.close();
});

async function campaignOf(many: number): Promise<string> {
  const body = { title: 'Um telhado novo', summary: 'A chuva entra.', description: '<p>Sessenta crianças.</p>', goalCents: 5_000_000 };
  const answer = await two.send(0, 'POST', '/campaigns', body, token);
  const id = String(answer?.json.id);
  await two.rows(
    `INSERT INTO donations (id, campaign_id, donor_key, donor_name, donor_phone, messaging_consent, anonymous, amount_cents, currency, provider, method,
       status, created_at, expires_at, confirmed_at)
     SELECT gen_random_uuid(), $1, gen_random_uuid(), 'Bia Lima', '+55119' || (60000000 + n), true, false, 5000, 'BRL', 'sandbox', 'pix',
       'confirmed', now(), now(), now() FROM generate_series(1, $2::int) AS n`,
    [id, many],
  );
  return id;
}
const ask = (at: number, method: string, path: string, body?: unknown) =>
  two.send(at, method, `/queues/whatsapp/broadcasts${path}`, body, token);
const send = (campaignId: string) => ask(0, 'POST', '', { campaignId, template, audience: { kind: 'supporters' } });

it('of a process that is killed while it prepares one, another goes on, and each telephone gets it once', async () => {
  const many = 8_000;
  const made = await send(await campaignOf(many));
  expect(made?.status).toBe(201);
  const id = String(made?.json.id);
  const prepared = async () => (await two.rows<{ n: number }>('SELECT prepared AS n FROM whatsapp_broadcasts WHERE id = $1', [id]))[0]!.n;
  await eventually(prepared, (n) => n > 0);
  await two.kill(0);
  await eventually(prepared, (n) => n === many, 60_000);
  const [rows] = await two.rows<{ n: number; phones: number; left: number }>(
    `SELECT count(*)::int AS n, count(DISTINCT phone)::int AS phones, (SELECT count(*)::int FROM whatsapp_audiences) AS left
     FROM whatsapp_messages WHERE broadcast_id = $1`,
    [id],
  );
  expect(rows).toEqual({ n: many, phones: many, left: 0 });

  // While both send it is cancelled, by many at once.
  const sent = cloud.counts.messages;
  await cloud.heard(sent + 50);
  const answers = await Promise.all(Array.from({ length: 10 }, (_, at) => ask(at, 'POST', `/${id}/cancel`)));
  expect(new Set(answers.map((answer) => answer?.status))).toEqual(new Set([200]));
  const cancelledAt = performance.timeOrigin + performance.now();
  const look = async () => (await ask(1, 'GET', `/${id}`))?.json as unknown as Progress;
  const end = await eventually(look, ({ counts }) => counts.sending === 0, 60_000);
  expect(addsUp(end)).toBe(true);
  expect(end.counts).toMatchObject({ queued: 0, total: many });
  const open = `SELECT count(*)::int AS n FROM whatsapp_messages WHERE broadcast_id = $1 AND state IN ('later', 'queued', 'held', 'taken', 'sending')`;
  await eventually(
    () => two.rows<{ n: number }>(open, [id]),
    ([row]) => row!.n === 0,
  );
  await pause(1_000);
  const journal = cloud.journal();
  expect(journal.filter(({ at }) => at > cancelledAt + 2_000)).toEqual([]);
  expect(new Set(journal.map(({ to }) => to)).size).toBe(journal.length);
  expect(journal.every(({ body }) => body.template?.components?.at(-1)?.parameters[0]?.text === 'Bia')).toBe(true);
});

it('one that somebody paused a moment before is resumed, and not found to break its bounds', async () => {
  const id = String((await send(await campaignOf(40)))?.json.id);
  const other = new pg.Client({ connectionString: two.databaseUrl });
  await other.connect();
  await other.query('BEGIN');
  await other.query(`UPDATE whatsapp_broadcasts SET state = 'paused', paused_at = now() WHERE id = $1`, [id]);
  const resumed = ask(0, 'POST', `/${id}/resume`);
  await eventually(
    () =>
      two.rows(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'WITH was%'`),
    ({ length }) => length === 1,
  );
  await other.query('COMMIT');
  await other.end();
  expect((await resumed)?.status).toBe(200);
  await eventually(
    async () => (await ask(0, 'GET', `/${id}`))?.json.status,
    (status) => status === 'done',
    60_000,
  );
});

it('however they are paused, resumed and looked at by all at once, none is stuck or sent twice', async () => {
  const many = 400;
  const id = String((await send(await campaignOf(many)))?.json.id);
  const before = cloud.counts.messages;
  await cloud.heard(before + 20);
  const moves = Array.from({ length: 24 }, (_, at) => (at % 2 === 0 ? 'pause' : 'resume'));
  const statuses = await Promise.all(moves.map(async (move, at) => (await ask(at, 'POST', `/${id}/${move}`))?.status));
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
  await eventually(
    async () => (await ask(0, 'POST', `/${id}/resume`))?.json.status,
    (status) => status === 'running',
  );
  const look = async () => (await ask(0, 'GET', `/${id}`))?.json as unknown as Progress;
  const { counts } = await eventually(look, ({ status }) => status === 'done', 60_000);
  expect(counts).toMatchObject({ total: many, queued: 0, sending: 0, suppressed: 0 });
  const mine = new Set(
    (await two.rows<{ id: string }>('SELECT id FROM whatsapp_messages WHERE broadcast_id = $1', [id])).map((row) => row.id),
  );
  const calls = cloud.journal().filter((entry) => mine.has(entry.id ?? newId()));
  expect(calls.length).toBe(many);
});
