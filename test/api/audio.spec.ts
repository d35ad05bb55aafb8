import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstIdAt, newId } from '../../src/kernel/ids.js';
import { AudioSweeper } from '../../src/queues/audio/sweeper.service.js';
import { AudioStorage } from '../../src/queues/audio/storage.js';
import { openAudio, type Audio } from '../support/audio.js';
import { encoded } from '../support/encoded.js';
import { eventually } from '../support/lab.js';
import { codesOf } from '../support/people.js';
import { speech } from '../support/sounds.js';

const wave = speech(3, { channels: 1 });
let a: Audio;
beforeAll(async () => {
  a = await openAudio({ AUDIO_MAX_MB: '1' });
});
afterAll(() => a.close());

describe('refuses', () => {
  it('who is not signed in, before anything is read', async () => {
    expect(codesOf(await a.upload(undefined, wave))).toEqual([401, 'unauthenticated']);
    expect(codesOf(await a.ask(undefined, 'GET'))).toEqual([401, 'unauthenticated']);
  });

  it('high priority for donors', async () => {
    expect(codesOf(await a.upload(a.donor, wave, { priority: 'high' }))).toEqual([403, 'forbidden']);
    expect(codesOf(await a.upload(a.donor, wave, { priority: 'urgent' }))).toEqual([422, 'validation_failed']);
  });

  it('a form without a file, with two, or with an empty one, and fields that it does not know', async () => {
    const post = (form: FormData) =>
      a.people.ask('/api/v1/queues/audio/jobs', { method: 'POST', body: form, headers: { authorization: `Bearer ${a.ana.accessToken}` } });
    const form = (...parts: [string, string | Blob][]) => {
      const made = new FormData();
      for (const [name, value] of parts) made.append(name, value);
      return made;
    };
    const file = new Blob([new Uint8Array(speech(1, { channels: 1 }))]);
    for (const wrong of [
      form(['priority', 'low']),
      form(['file', file], ['file', file]),
      form(['file', new Blob([])]),
      form(['file', file], ['model', 'x']),
    ])
      expect(codesOf(await post(wrong))).toEqual([422, 'validation_failed']);
    const headers = { authorization: `Bearer ${a.ana.accessToken}`, 'content-type': 'application/json' };
    expect(codesOf(await a.people.ask('/api/v1/queues/audio/jobs', { method: 'POST', body: '{}', headers }))).toEqual([
      415,
      'unsupported_type',
    ]);
  });

  it('what is larger than it may be', async () => {
    expect(codesOf(await a.upload(a.ana, speech(6)))).toEqual([413, 'too_large']);
  });

  it.each([
    ['a text', 'Oi, gente'],
    ['a playlist', '#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:1/a.ts\n'],
    ['a list of files', "ffconcat version 1.0\nfile '/etc/passwd'\n"],
    ['a manifest', '<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1:1/</BaseURL></MPD>'],
    ['a page that says RIFF', '<html>RIFF....WAVE</html>'],
    ['a picture', '\x89PNG\r\n\x1a\n'],
  ])('%s, whatever its name is', async (_name, text) => {
    expect(codesOf(await a.upload(a.ana, Buffer.from(text, 'latin1')))).toEqual([415, 'unsupported_type']);
  });

  it('whoever asks for another’s', async () => {
    const id = await a.send(a.ana, wave);
    for (const path of ['', '/events', '/waveform.svg', '/normalized'])
      expect(codesOf(await a.ask(a.donor, 'GET', `/${id}${path}`))).toEqual([404, 'not_found']);
    expect(codesOf(await a.ask(a.donor, 'DELETE', `/${id}`))).toEqual([404, 'not_found']);
    expect(codesOf(await a.ask(a.ana, 'GET', `/${newId()}`))).toEqual([404, 'not_found']);
    await a.becomes(a.ana, id, 'completed');
  });

  it('leaves nothing of all that it refused', async () => {
    const [{ many }] = (await a.rows<{ many: number }>('SELECT count(*)::int AS many FROM audio_jobs')) as [{ many: number }];
    const kept = new Set((await a.files()).map((path) => path.split('/').at(-2)));
    expect(kept.size).toBe(many);
  });
});

it('measures a recording, brings it to −16 LUFS and draws it; the original stays beside', async () => {
  const { status, json } = await a.upload(a.donor, wave, { priority: 'low' }, '../../etc/passwd');
  expect(status).toBe(202);
  expect(json).toMatchObject({ status: 'queued', position: 0 });
  expect(json.etaSeconds).toBeGreaterThan(0);
  const job = await a.becomes(a.donor, String(json.id), 'completed', 'failed');
  expect(job).toMatchObject({
    status: 'completed',
    progress: 1,
    priority: 'low',
    format: 'wav',
    bytes: wave.length,
    position: null,
    error: null,
  });
  expect(job.result).toMatchObject({ durationSeconds: 3, clipping: false, transcriptState: 'not_offered' });
  expect(job.result).not.toHaveProperty('transcript');
  const normalized = await a.ask(a.donor, 'GET', `/${job.id}/normalized`);
  expect(normalized.headers.get('content-type')).toBe('audio/ogg; codecs=opus');
  expect(normalized.text.startsWith('OggS')).toBe(true);
  const picture = await a.ask(a.donor, 'GET', `/${job.id}/waveform.svg`);
  expect(picture.headers.get('content-type')).toBe('image/svg+xml; charset=utf-8');
  expect(picture.text).toMatch(/^<svg/);
  const files = (await a.files()).filter((path) => path.includes(job.id));
  expect(files.map((path) => path.split('/').at(-1)).sort()).toEqual(['normalized', 'original', 'waveform']);
  expect(await readFile(files.find((path) => path.endsWith('original'))!)).toEqual(wave);
});

it('sends any part of what was made, as players ask for it', async () => {
  const id = await a.send(a.ana, wave);
  await a.becomes(a.ana, id, 'completed');
  const ask = async (headers: Record<string, string>, method = 'GET') => {
    const answer = await fetch(`${a.people.url}/api/v1/queues/audio/jobs/${id}/normalized`, {
      method,
      headers: { authorization: `Bearer ${a.ana.accessToken}`, ...headers },
    });
    return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
  };
  const whole = await ask({});
  const { length } = whole.bytes;
  expect([whole.status, whole.headers.get('accept-ranges'), whole.headers.get('content-range')]).toEqual([200, 'bytes', null]);
  for (const [range, from, to] of [
    ['bytes=0-0', 0, 0],
    ['bytes=0-', 0, length - 1],
    ['bytes=100-199', 100, 199],
    [`bytes=${length - 1}-${length + 99}`, length - 1, length - 1],
    ['bytes=-10', length - 10, length - 1],
    [`bytes=-${length * 2}`, 0, length - 1],
  ] as const) {
    const part = await ask({ range });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes ${from}-${to}/${length}`]);
    expect(part.headers.get('content-length')).toBe(String(to - from + 1));
    expect(part.bytes.equals(whole.bytes.subarray(from, to + 1))).toBe(true);
  }
  for (const range of [`bytes=${length}-`, 'bytes=-0']) {
    const none = await ask({ range });
    expect([none.status, none.headers.get('content-range')]).toEqual([416, `bytes */${length}`]);
    expect(JSON.parse(none.bytes.toString())).toMatchObject({ code: 'range_not_satisfiable' });
  }
  // What is not understood, or was asked of another file, is not asked at all.
  for (const range of ['bytes=5-2', 'bytes=0-1,4-5', 'lines=0-1', 'bytes=-']) expect((await ask({ range })).bytes).toHaveLength(length);
  const etag = whole.headers.get('etag')!;
  expect((await ask({ range: 'bytes=0-4', 'if-range': etag })).bytes).toHaveLength(5);
  expect((await ask({ range: 'bytes=0-4', 'if-range': '"another"' })).bytes).toHaveLength(length);
  const head = await ask({ range: 'bytes=0-4' }, 'HEAD');
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(length)]);
});

it('takes away what others began to make of it who are gone', async () => {
  await a.people.send('POST', '/queues/audio/pause', undefined, a.admin.accessToken);
  const id = await a.send(a.ana, wave);
  const folder = dirname((await a.files()).find((path) => path.includes(id))!);
  for (const run of ['run-1', 'run-2']) {
    await mkdir(join(folder, run));
    await writeFile(join(folder, run, 'normalized'), 'half of it');
  }
  await a.rows('UPDATE audio_jobs SET handovers = 2 WHERE id = $1', [id]);
  await a.people.send('POST', '/queues/audio/resume', undefined, a.admin.accessToken);
  await a.becomes(a.ana, id, 'completed');
  expect((await readdir(folder)).sort()).toEqual(['normalized', 'original', 'waveform']);
});

it('knows how long a recording lasts also behind a large picture', async () => {
  const mp3 = await encoded(wave, 'mp3', 64_000);
  const picture = Buffer.alloc(200_000);
  const head = Buffer.from('ID3\x04\0\0\0\0\0\0', 'latin1');
  for (let at = 0; at < 4; at += 1) head[6 + at] = (picture.length >> (21 - 7 * at)) & 127;
  const id = await a.send(a.ana, Buffer.concat([head, picture, mp3]));
  const [{ seconds }] = (await a.rows<{ seconds: number }>('SELECT about_seconds AS seconds FROM audio_jobs WHERE id = $1', [id])) as [
    { seconds: number },
  ];
  expect(Math.abs(seconds - 3)).toBeLessThan(0.5);
  await a.becomes(a.ana, id, 'completed');
});

it('says why one fails and what to do', async () => {
  const id = await a.send(a.ana, Buffer.concat([wave.subarray(0, 44), Buffer.alloc(0)]));
  const { status, error } = await a.becomes(a.ana, id, 'completed', 'failed');
  expect([status, error?.reason]).toEqual(['failed', 'damaged']);
  expect(error?.advice).toContain('Send it again');
  expect(codesOf(await a.ask(a.ana, 'GET', `/${id}/normalized`))).toEqual([404, 'not_found']);
});

it('lists one’s own, the newest first, by status and page', async () => {
  const eva = await a.people.person();
  const ids: string[] = [];
  for (let many = 0; many < 3; many += 1) ids.push(await a.send(eva, wave));
  for (const id of ids) await a.becomes(eva, id, 'completed');
  const first = await a.ask(eva, 'GET', '?limit=2&status=completed');
  const items = (first.json.items as { id: string }[]).map(({ id }) => id);
  expect(items).toEqual([ids[2], ids[1]]);
  const second = await a.ask(eva, 'GET', `?limit=2&status=completed&cursor=${String(first.json.nextCursor)}`);
  expect((second.json.items as { id: string }[]).map(({ id }) => id)).toEqual([ids[0]]);
  expect(codesOf(await a.ask(eva, 'GET', '?status=lost'))).toEqual([422, 'validation_failed']);
});

it('deletes what has ended, with its files', async () => {
  const id = await a.send(a.ana, wave);
  await a.becomes(a.ana, id, 'completed');
  expect((await a.ask(a.ana, 'DELETE', `/${id}`)).status).toBe(204);
  expect((await a.ask(a.ana, 'GET', `/${id}`)).status).toBe(404);
  await eventually(
    async () => (await a.files()).filter((path) => path.includes(id)),
    (files) => files.length === 0,
  );
});

it('takes along what somebody recorded, and forgets it with him', async () => {
  const eva = await a.people.person();
  const id = await a.send(eva, wave);
  await a.becomes(eva, id, 'completed');
  const { json } = await a.people.send('GET', '/users/me/export', undefined, eva.accessToken);
  expect(json.recordings).toMatchObject([{ id, status: 'completed', format: 'wav' }]);
  expect((await a.people.send('DELETE', '/users/me', undefined, eva.accessToken)).status).toBe(204);
  expect(await a.rows('SELECT FROM audio_jobs WHERE id = $1', [id])).toEqual([]);
  await eventually(
    async () => (await a.files()).filter((path) => path.includes(id)),
    (files) => files.length === 0,
  );
});

it('keeps what has ended as long as it is kept, and files that belong to nobody for an hour', async () => {
  const [fresh, old] = [await a.send(a.ana, wave), await a.send(a.ana, wave)];
  for (const id of [fresh, old]) await a.becomes(a.ana, id, 'completed');
  await a.rows(`UPDATE audio_jobs SET ended_at = ended_at - interval '31 days' WHERE id = $1`, [old]);
  const storage = a.people.app.get(AudioStorage, { strict: false });
  const bytes = async function* () {
    yield wave;
  };
  const [young, stray] = [newId(), firstIdAt(new Date(Date.now() - 3_700_000))];
  for (const id of [young, stray]) await storage.put(id, 'original', bytes());
  await a.people.app.get(AudioSweeper, { strict: false }).sweep();
  const left = new Set((await a.files()).map((path) => path.split('/').at(-2)));
  expect([fresh, young, old, stray].map((id) => left.has(id))).toEqual([true, true, false, false]);
  expect((await a.ask(a.ana, 'GET', `/${old}`)).status).toBe(404);
  expect((await a.ask(a.ana, 'GET', `/${fresh}`)).status).toBe(200);
  // With another database nothing that lies here is known: that is no reason to take it out.
  await a.rows('UPDATE audio_line SET installation = gen_random_uuid()');
  await storage.put(stray, 'original', bytes());
  await a.people.app.get(AudioSweeper, { strict: false }).sweep();
  expect((await a.files()).some((path) => path.includes(stray))).toBe(true);
});
