import { readdirSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { basename } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { pause } from '../../src/kernel/waiting.js';
import { openAudio, audioOf, type Audio } from '../support/audio.js';
import { farOr } from '../support/drills.js';
import { eventually, labEnvironment, spawnLab } from '../support/lab.js';
import type { Session } from '../support/people.js';
import { speech, tones } from '../support/sounds.js';

/** Of one drill, on a machine that is busy with others. */
const MOST_MS = farOr(1_200_000, 240_000);
const wave = speech(3, { channels: 1, sampleRate: 16_000 });

let a: Audio;
let env: Record<string, string | undefined>;
const workers: Awaited<ReturnType<typeof spawnLab>>[] = [];
beforeAll(async () => {
  a = await openAudio({ APP_ROLE: 'api', AUDIO_MAX_WAITING_EACH: '500' });
  const { database, redis } = a.people.install;
  env = labEnvironment(database.url, redis.url, { APP_ROLE: 'worker', LOG_LEVEL: 'silent', DATA_DIR: a.dataDir, AUDIO_CONCURRENCY: '2' });
});
afterAll(() => a.close());
afterEach(async () => {
  await Promise.all(workers.splice(0).map(({ end }) => end('SIGKILL')));
});

const start = async () => {
  workers.push(await spawnLab(env, { silent: true }));
};
const send = async (many: number, bytes = wave): Promise<string[]> => {
  const ids: string[] = [];
  for (let count = 0; count < many; count += 1) ids.push(await a.send(a.ana, bytes));
  return ids;
};
interface Row {
  id: string;
  state: string;
  why: string | null;
  crashes: number;
  losses: number;
}
const rowsOf = (ids: readonly string[]) =>
  a.rows<Row>('SELECT id, state, why, crashes, losses FROM audio_jobs WHERE id = ANY($1::uuid[])', [ids]);
const ended = (ids: readonly string[]) =>
  eventually(
    () => rowsOf(ids),
    (rows) => rows.every(({ state }) => state !== 'queued' && state !== 'running'),
    MOST_MS,
  );
const running = () =>
  eventually(
    () => a.rows(`SELECT FROM audio_jobs WHERE state = 'running'`),
    (rows) => rows.length > 0,
  );

/** Stretches of time in which a process did nothing but one thing of its own; that others had the processor does not count. */
function ownStalls() {
  let [at, spent] = [performance.now(), process.cpuUsage()];
  let longest = 0;
  const timer = setInterval(() => {
    const used = process.cpuUsage(spent);
    const late = performance.now() - at - 10;
    longest = Math.max(longest, Math.min(late, (used.user + used.system) / 1_000));
    [at, spent] = [performance.now(), process.cpuUsage()];
  }, 10);
  return () => {
    clearInterval(timer);
    return longest;
  };
}

it(
  'recordings that fell a decoder, or keep it for ever, are put aside after two tries; all others, and the API, hardly notice',
  async () => {
    await start();
    const bad = (words: string) => Buffer.concat([wave, Buffer.from(words)]);
    const stalls = ownStalls();
    const harmful = [...(await send(1, bad('MAKES IT CRASH'))), ...(await send(1, bad('MAKES IT HANG')))];
    const normal = await send(farOr(100, 10));
    const rows = await ended([...harmful, ...normal]);
    expect(rows.filter(({ id }) => harmful.includes(id)).map(({ state, why, crashes }) => [state, why, crashes])).toEqual([
      ['failed', 'quarantined', 2],
      ['failed', 'quarantined', 2],
    ]);
    expect(rows.filter(({ id, state, crashes }) => normal.includes(id) && (state !== 'completed' || crashes > 0))).toEqual([]);
    expect(stalls()).toBeLessThan(100);
    expect(workers[0]!.process.exitCode).toBeNull();
    const job = await a.read(a.ana, harmful[0]);
    expect(job.error).toMatchObject({ reason: 'quarantined' });
    expect(job.error?.advice).toContain('Record it anew');
  },
  MOST_MS,
);

it(
  'workers that are killed in the middle lose no recording',
  async () => {
    const ids = await send(farOr(60, 8), tones([{ decibels: -20, seconds: 20 }], { channels: 1, sampleRate: 16_000 }));
    for (let kills = 0; kills < farOr(8, 1); kills += 1) {
      await start();
      await running();
      await workers.pop()!.end('SIGKILL');
    }
    await start();
    const rows = await ended(ids);
    expect(rows.every(({ state, why }) => state === 'completed' || (state === 'failed' && why !== null))).toBe(true);
    // Of so few deaths none is the recording's fault.
    expect(rows.filter(({ crashes, losses }) => crashes > 0 || losses > farOr(8, 1))).toEqual([]);
    // What the dead had begun to make lies nowhere.
    await eventually(
      async () => (await a.files()).filter((path) => /run-\d+/.test(path)),
      (files) => files.length === 0,
    );
  },
  MOST_MS,
);

it(
  'a worker that is told to stop gives back what it has, and at once',
  async () => {
    await start();
    const [id] = await send(1, Buffer.concat([wave, Buffer.from('MAKES IT HANG')]));
    await running();
    expect(await workers.pop()!.end('SIGTERM')).toBe(0);
    expect(await rowsOf([id!])).toMatchObject([{ state: 'queued', crashes: 0, losses: 0 }]);
    await start();
    await running();
    expect((await a.ask(a.ana, 'DELETE', `/${id}`)).status).toBe(204);
  },
  MOST_MS,
);

/** Processes that work in a folder of a recording. */
const engines = () =>
  readdirSync('/proc').filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(a.dataDir);
    } catch {
      return false;
    }
  });

it(
  'an engine whose worker is killed ends, also where it never comes back from its work',
  async () => {
    await start();
    const [id] = await send(1, Buffer.concat([wave, Buffer.from('MAKES IT HANG')]));
    await running();
    await eventually(
      async () => engines(),
      (pids) => pids.length === 1,
    );
    await workers.pop()!.end('SIGKILL');
    await eventually(
      async () => engines(),
      (pids) => pids.length === 0,
    );
    expect((await a.ask(a.ana, 'DELETE', `/${id}`)).status).toBe(204);
  },
  MOST_MS,
);

it(
  'Redis that comes back empty, or not at all, keeps no recording from its end',
  async () => {
    const ids = await send(6);
    await start();
    await a.people.install.redis.ask((redis) => redis.flushall());
    await a.people.install.redis.kill();
    try {
      expect((await ended(ids)).every(({ state }) => state === 'completed')).toBe(true);
    } finally {
      await a.people.install.redis.start();
    }
  },
  MOST_MS,
);

/** Begins to send, and is gone in the middle. */
async function aborted(as: Session, sent: number): Promise<void> {
  const { hostname, port } = new URL(a.people.url);
  const socket = connect(Number(port), hostname);
  const head = [
    'POST /api/v1/queues/audio/jobs HTTP/1.1',
    `Host: ${hostname}`,
    `Authorization: Bearer ${as.accessToken}`,
    'Content-Type: multipart/form-data; boundary=x',
    'Content-Length: 1000000',
    '',
    '--x',
    'Content-Disposition: form-data; name="file"; filename="a.wav"',
    '',
    '',
  ].join('\r\n');
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  socket.on('error', () => undefined);
  socket.write(head);
  await new Promise<void>((resolve) => socket.write(Buffer.concat([wave.subarray(0, 44), Buffer.alloc(sent)]), () => resolve()));
  await pause(Math.random() * 20);
  socket.destroy();
}

it('two hundred uploads that are broken off leave no file', async () => {
  const before = (await a.files()).length;
  const people = await Promise.all(Array.from({ length: 10 }, () => a.people.person()));
  for (let round = 0; round < 10; round += 1)
    await Promise.all(people.flatMap((person, at) => [aborted(person, round * 40_000), aborted(person, at * 30_000)]));
  await eventually(
    async () => (await a.files()).length,
    (many) => many === before,
  );
  // And whoever did so may go on.
  const id = await a.send(people[0]!, wave);
  expect((await a.ask(people[0], 'DELETE', `/${id}`)).status).toBe(204);
});

it(
  'a disk that fills up while the engine writes leaves nothing half made, and it is told why a recording waits until there is room',
  async () => {
    // Room for the picture, but not for the sound.
    workers.push(await spawnLab(env, { silent: true, mostFileBlocks: 32 }));
    const [id] = await send(1, tones([{ decibels: -20, seconds: 20 }], { channels: 1, sampleRate: 16_000 }));
    const job = await eventually(
      () => a.read(a.ana, id),
      ({ error }) => error !== null,
      MOST_MS,
    );
    expect(job).toMatchObject({ status: 'queued', error: { reason: 'storage_full' } });
    expect(job.error?.advice).toContain('tried again');
    expect(job.etaSeconds).toBeGreaterThan(15);
    expect((await a.files()).filter((path) => path.includes(id!)).map((path) => basename(path))).toEqual(['original']);
    // The last time it fails, with the same reason.
    await a.rows('UPDATE audio_jobs SET waits = 9, not_before = now() WHERE id = $1', [id]);
    expect(await ended([id!])).toMatchObject([{ state: 'failed', why: 'storage_full' }]);
    await workers.pop()!.end('SIGKILL');
    await start();
    await a.rows(`UPDATE audio_jobs SET state = 'queued', waits = 0, ended_at = NULL, not_before = now() WHERE id = $1`, [id]);
    expect(await ended([id!])).toMatchObject([{ state: 'completed', why: null }]);
  },
  MOST_MS,
);

it('where a disk is full nothing is taken, nothing is left, and it is said when to come again', async () => {
  const full = await spawnLab({ ...env, APP_ROLE: 'api' }, { silent: true, mostFileBlocks: 512 });
  workers.push(full);
  const { upload } = audioOf(
    {
      url: full.url,
      ask: async (path, init) => {
        const response = await fetch(`${full.url}${path}`, init);
        const text = await response.text();
        return { status: response.status, headers: response.headers, text, json: JSON.parse(text) as Record<string, unknown>, ms: 0 };
      },
    },
    a.dataDir,
  );
  const before = await a.files();
  const { status, json, headers } = await upload(a.ana, speech(10));
  expect([status, json.code]).toEqual([503, 'storage_full']);
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await a.files()).toEqual(before);
});
