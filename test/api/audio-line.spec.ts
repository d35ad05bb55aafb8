import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { JobsStore } from '../../src/queues/audio/jobs.store.js';
import { Promises, type Obstacle } from '../../src/queues/audio/line/promises.service.js';
import { openAudio, patient, type Audio } from '../support/audio.js';
import { eventually } from '../support/lab.js';
import { codesOf } from '../support/people.js';
import { speech } from '../support/sounds.js';

const MOST_WAITING = 8;
const MOST_WAITING_EACH = 4;
const wave = speech(2, { channels: 1 });
let a: Audio;
beforeAll(async () => {
  a = await openAudio({
    AUDIO_MAX_WAITING: String(MOST_WAITING),
    AUDIO_MAX_WAITING_EACH: String(MOST_WAITING_EACH),
    AUDIO_CONCURRENCY: '1',
  });
});
afterAll(() => a.close());
const admin = (method: string, path: string, body?: unknown) =>
  patient(() => a.people.send(method, `/queues${path}`, body, a.admin.accessToken));
const pause = () => admin('POST', '/audio/pause');
const resume = () => admin('POST', '/audio/resume');
afterEach(async () => {
  await resume();
  await eventually(
    () => a.rows(`SELECT FROM audio_jobs WHERE state IN ('queued', 'running')`),
    (rows) => rows.length === 0,
    60_000,
  );
});

interface Told {
  id: number;
  event: string;
  data: Record<string, unknown>;
}

/** Whatever is told of one until the stream ends, or until as many events have come. */
async function follow(id: string, { after, most = Infinity }: { after?: number; most?: number } = {}): Promise<Told[]> {
  const over = new AbortController();
  const response = await fetch(`${a.people.url}/api/v1/queues/audio/jobs/${id}/events`, {
    headers: { authorization: `Bearer ${a.ana.accessToken}`, ...(after !== undefined && { 'last-event-id': String(after) }) },
    signal: AbortSignal.any([over.signal, AbortSignal.timeout(60_000)]),
  });
  if (response.status === 204) return [];
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const told: Told[] = [];
  let text = '';
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    text += part;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const [, number, event, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/s.exec(text.slice(0, end)) ?? [];
      if (data) told.push({ id: Number(number), event: event!, data: JSON.parse(data) as Record<string, unknown> });
      text = text.slice(end + 2);
    }
    if (told.length >= most) break;
  }
  over.abort();
  return told;
}

it('tells of each step once, also to whoever comes back in the middle, and of the end last', async () => {
  await pause();
  const id = await a.send(a.ana, wave);
  const [first] = await follow(id, { most: 1 });
  expect(first).toMatchObject({ id: 1, event: 'status', data: { id, status: 'queued', position: 0, etaSeconds: null } });
  const rest = follow(id, { after: 1 });
  await resume();
  const told = await rest;
  expect(told.map(({ id: number }) => number)).toEqual(told.map((_, at) => at + 2));
  expect(told[0]!.data).toMatchObject({ status: 'running' });
  expect(told.at(-1)).toMatchObject({ event: 'status', data: { status: 'completed', progress: 1, result: { durationSeconds: 2 } } });
  const all = await follow(id);
  expect(all.map(({ id: number }) => number)).toEqual([1, ...told.map(({ id: number }) => number)]);
  // Nothing more will come: a browser that hears this does not ask again.
  expect(await follow(id, { after: told.at(-1)!.id })).toEqual([]);
});

it('bounds how many one person follows at once', async () => {
  await pause();
  const id = await a.send(a.ana, wave);
  const over = new AbortController();
  const headers = { authorization: `Bearer ${a.ana.accessToken}` };
  const path = `${a.people.url}/api/v1/queues/audio/jobs/${id}/events`;
  for (let many = 0; many < 5; many += 1) expect((await fetch(path, { headers, signal: over.signal })).status).toBe(200);
  const refused = await a.ask(a.ana, 'GET', `/${id}/events`);
  expect(codesOf(refused)).toEqual([429, 'too_many_streams']);
  over.abort();
  await eventually(
    () => follow(id, { most: 1 }).catch(() => []),
    (told) => told.length === 1,
  );
});

it('takes high ones before normal and low ones, and none waits longer than its handicap for those that came later', async () => {
  await pause();
  const sent: Record<string, string> = {};
  for (const priority of ['low', 'normal', 'high']) sent[priority] = await a.send(a.ana, wave, { priority });
  // Came two minutes before all others.
  sent.old = await a.send(a.ana, wave, { priority: 'low' });
  await a.rows(`UPDATE audio_jobs SET rank_at = rank_at - interval '150 seconds' WHERE id = $1`, [sent.old]);
  const positions = await Promise.all(['old', 'high', 'normal', 'low'].map(async (name) => (await a.read(a.ana, sent[name])).position));
  expect(positions).toEqual([0, 1, 2, 3]);
  await resume();
  for (const id of Object.values(sent)) await a.becomes(a.ana, id, 'completed');
  const order = await a.rows<{ id: string }>('SELECT id FROM audio_jobs WHERE id = ANY($1::uuid[]) ORDER BY started_at', [
    Object.values(sent),
  ]);
  expect(order.map(({ id }) => id)).toEqual(['old', 'high', 'normal', 'low'].map((name) => sent[name]));
});

it('takes no more than may wait, of however many that come at once, and says when there is room', async () => {
  await pause();
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => a.people.person()).map(async (person) => {
      const as = await person;
      return Promise.all(Array.from({ length: 3 }, () => a.upload(as, wave)));
    }),
  );
  const codes = answers.flat().map(({ status }) => status);
  expect(codes.filter((status) => status === 202)).toHaveLength(MOST_WAITING);
  const refused = answers.flat().filter(({ status }) => status !== 202);
  expect(new Set(refused.map(codesOf).map(String))).toEqual(new Set(['503,overloaded']));
  for (const { headers } of refused) expect(headers.get('retry-after')).toBe('60');
  // Nothing of those that were refused is left.
  const known = await a.rows<{ id: string }>('SELECT id FROM audio_jobs');
  const ids = new Set(known.map(({ id }) => id));
  expect((await a.files()).filter((path) => !ids.has(path.split('/').at(-2)!))).toEqual([]);
  // Of a line that moves it is computed; one who is late may find room.
  await a.rows(`UPDATE audio_jobs SET about_seconds = 3600 WHERE state = 'queued'`);
  await admin('PUT', '/audio/concurrency', { atOnce: 1 });
  await resume();
  const { status, headers } = await a.upload(a.ana, wave);
  if (status === 503) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  await a.rows(`UPDATE audio_jobs SET about_seconds = 2 WHERE state = 'queued'`);
  await admin('PUT', '/audio/concurrency', { atOnce: null });
});

it('lets nobody fill the line alone, and says when one of his has been taken', async () => {
  await pause();
  const eva = await a.people.person();
  const ids = [await a.send(eva, wave), await a.send(eva, wave)];
  // However many come at once.
  const answers = await Promise.all(Array.from({ length: 3 }, () => a.upload(eva, wave)));
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(MOST_WAITING_EACH - ids.length);
  expect(answers.filter(({ status }) => status !== 202).map(codesOf)).toEqual([[429, 'too_many_waiting']]);
  const refused = await a.upload(eva, wave);
  expect(codesOf(refused)).toEqual([429, 'too_many_waiting']);
  expect(refused.headers.get('retry-after')).toBe('60');
  await a.send(a.donor, wave);
  await a.ask(eva, 'DELETE', `/${ids[0]}`);
  await a.send(eva, wave);
  // Of a line that moves, it is computed from where the first of his stands.
  await a.rows(`UPDATE audio_jobs SET about_seconds = 600 WHERE state = 'queued'`);
  await a.rows(`UPDATE audio_jobs SET rank_at = rank_at + interval '1 hour' WHERE owner_id = $1 AND state = 'queued'`, [eva.user.id]);
  const promises = a.people.app.get(Promises, { strict: false });
  const [stood] = await a.rows<{ many: number }>(`SELECT count(*)::int AS many FROM audio_jobs WHERE state = 'queued' AND owner_id <> $1`, [
    eva.user.id,
  ]);
  expect(await a.people.app.get(JobsStore, { strict: false }).beforeFirstOf(eva.user.id)).toBe(stood!.many);
  await a.rows(`DELETE FROM queue_states WHERE queue = 'audio'`);
  const seconds = async (obstacle: Obstacle) => Number((await promises.refusal(obstacle, eva.user.id)).headers['retry-after']);
  expect(await seconds('too_many_waiting')).toBeGreaterThan(await seconds('overloaded'));
  for (const as of [eva, a.donor]) {
    const { items } = (await a.ask(as, 'GET', '?status=queued')).json as { items: { id: string }[] };
    for (const { id } of items) await a.ask(as, 'DELETE', `/${id}`);
  }
});

it('whoever sends many at once leaves room for others between them', async () => {
  await pause();
  const eva = await a.people.person();
  const ids = [await a.send(eva, wave), await a.send(eva, wave), await a.send(eva, wave)];
  const other = await a.send(a.donor, wave);
  const rows = await a.rows<{ id: string; rank: number; handicap: number }>(
    `SELECT id, extract(epoch FROM rank_at)::float8 AS rank, extract(epoch FROM rank_at - created_at)::float8 AS handicap FROM audio_jobs WHERE state = 'queued' ORDER BY id`,
  );
  const of = (id?: string) => rows.find((row) => row.id === id)!;
  expect(of(ids[1]).rank - of(ids[0]).rank).toBeGreaterThanOrEqual(4.99);
  expect(of(ids[2]).rank - of(ids[1]).rank).toBeGreaterThanOrEqual(4.99);
  expect(of(other).handicap).toBeCloseTo(30, 1);
});

it('cancels what waits and what is worked on, and takes its files away', async () => {
  await pause();
  const waiting = await a.send(a.ana, wave);
  expect((await a.ask(a.ana, 'DELETE', `/${waiting}`)).status).toBe(204);
  expect(await a.read(a.ana, waiting)).toMatchObject({ status: 'cancelled', position: null, etaSeconds: null });
  await resume();
  // So long that it is still being worked on.
  const long = await a.send(a.ana, speech(100, { channels: 1, sampleRate: 24_000 }));
  const told = follow(long);
  await a.becomes(a.ana, long, 'running');
  expect((await a.ask(a.ana, 'DELETE', `/${long}`)).status).toBe(204);
  expect((await told).at(-1)!.data).toMatchObject({ status: 'cancelled' });
  await eventually(
    async () => (await a.files()).filter((path) => path.includes(waiting) || path.includes(long)),
    (files) => files.length === 0,
  );
  // And then it goes as a whole.
  expect((await a.ask(a.ana, 'DELETE', `/${long}`)).status).toBe(204);
  expect((await a.ask(a.ana, 'GET', `/${long}`)).status).toBe(404);
});

it('works on as many at once as an admin says, from one moment to the next', async () => {
  expect(codesOf(await a.people.send('PUT', '/queues/audio/concurrency', { atOnce: 2 }, a.ana.accessToken))).toEqual([403, 'forbidden']);
  expect(codesOf(await admin('PUT', '/audio/concurrency', { atOnce: 0 }))).toEqual([422, 'validation_failed']);
  expect((await admin('PUT', '/audio/concurrency', { atOnce: 3 })).json).toEqual({ atOnce: 3, workers: 1, together: 3 });
  await pause();
  const long = speech(60, { channels: 1, sampleRate: 24_000 });
  const ids: string[] = [];
  for (let many = 0; many < 4; many += 1) ids.push(await a.send(a.ana, long));
  await resume();
  await eventually(
    () => a.rows(`SELECT FROM audio_jobs WHERE state = 'running'`),
    (rows) => rows.length === 3,
  );
  for (const id of ids) await a.ask(a.ana, 'DELETE', `/${id}`);
  expect((await admin('PUT', '/audio/concurrency', { atOnce: null })).json).toMatchObject({ atOnce: null });
});

it('stands among the queues, with its figures, and tries again what failed and may succeed now', async () => {
  await pause();
  const [waits, lost, quarantined] = [await a.send(a.ana, wave), await a.send(a.ana, wave), await a.send(a.ana, wave)];
  const fail = (id: string, why: string) =>
    a.rows(`UPDATE audio_jobs SET state = 'failed', why = $2, ended_at = now() WHERE id = $1`, [id, why]);
  await fail(lost, 'lost');
  await fail(quarantined, 'quarantined');
  const list = (await admin('GET', '')).json as { items: Record<string, unknown>[] };
  expect(list.items.find(({ name }) => name === 'audio')).toMatchObject({ paused: true, waiting: expect.any(Number) as number });
  const metrics = await a.people.ask('/metrics', { headers: { authorization: `Bearer ${a.admin.accessToken}` } });
  expect(metrics.text).toMatch(/mutirao_queue_jobs\{[^}]*queue="audio"[^}]*\} \d/);
  expect(metrics.text).toMatch(/mutirao_queue_paused\{queue="audio"\} 1/);
  const health = await a.people.ask('/health');
  expect((health.json.details as { queues: Record<string, unknown> }).queues.audio).toMatchObject({ paused: true });
  expect((await admin('POST', '/audio/retry-failed')).json).toMatchObject({ name: 'audio', retried: 1 });
  expect(await a.read(a.ana, quarantined)).toMatchObject({ status: 'failed', error: { reason: 'quarantined' } });
  expect(await a.read(a.ana, lost)).toMatchObject({ status: 'queued' });
  await resume();
  for (const id of [waits, lost]) await a.becomes(a.ana, id, 'completed');
});
