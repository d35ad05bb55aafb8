import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { newId } from '../../src/kernel/ids.js';
import { pause } from '../../src/kernel/waiting.js';
import { priorities } from '../../src/outbox/contracts.js';
import { engineOn, measuresOf } from '../support/engine.js';
import { spawnLab } from '../support/lab.js';
import { speech } from '../support/sounds.js';
import { cpuSeconds, median, type Figure } from './figures.js';

const ROUNDS = 7;
const MOST_RATIO = 1.3;
const JOBS = 220;
/** From which on it has learned. */
const LEARNED = 60;
/** Of what the machine can do. */
const LOAD = 0.6;
const MOST_LATE_MS = 100;
/** As long as it takes to see how busy others keep the machine. */
const IDLE_MS = 20_000;

type Env = Record<string, string | undefined>;

export const audio = async (env: Env): Promise<Figure[]> => [await against(), ...(await mixed(env))];

function ffmpeg(...args: string[]): void {
  const { status, error, stderr } = spawnSync('ffmpeg', ['-v', 'error', '-y', '-nostdin', ...args], { encoding: 'utf8' });
  if (error) throw new Error('ffmpeg is not in PATH, against which the engine is measured: apt-get install ffmpeg');
  if (status !== 0) throw new Error(stderr);
}

/** The engine, its start and all that it does besides counted in, against three commands with the same filters. */
async function against(): Promise<Figure> {
  const folder = await mkdtemp(join(tmpdir(), 'mutirao-bench-'));
  const [wave, from, to] = [speech(60), join(folder, 'from.wav'), join(folder, 'to.ogg')];
  await writeFile(from, wave);
  const meter = 'ebur128=peak=true:framelog=verbose';
  const mix = 'pan=mono|c0=0.5*c0+0.5*c1';
  const spent = async (work: () => unknown) => {
    const before = cpuSeconds([process.pid]);
    await work();
    return cpuSeconds([process.pid]) - before;
  };
  const ours: number[] = [];
  const theirs: number[] = [];
  let filters = '';
  for (let round = 0; round < ROUNDS; round += 1) {
    ours.push(
      await spent(async () => {
        const { gainDb, limited } = measuresOf((await engineOn(wave)).outcome).normalized;
        const held = limited ? 'aresample=192000,alimiter=level=0:latency=1:attack=5:release=50:limit=0.851138,' : '';
        filters = `${mix},volume=${gainDb}dB:precision=double,${held}aresample=48000`;
      }),
    );
    theirs.push(
      await spent(() => {
        ffmpeg(
          '-i',
          from,
          '-filter_complex',
          `asplit=2[a][b];[a]${meter}[o];[b]${mix},${meter},anullsink`,
          '-map',
          '[o]',
          '-f',
          'null',
          '-',
        );
        ffmpeg('-i', from, '-af', filters, '-c:a', 'libopus', '-b:a', '64k', to);
        ffmpeg('-i', to, '-af', meter, '-f', 'null', '-');
      }),
    );
  }
  await rm(folder, { recursive: true });
  const ratio = median(ours.map((value, round) => value / theirs[round]!));
  return {
    what: `CPU of a 60 s stereo file, analysed and normalised, against ffmpeg with the same filters, median of ${ROUNDS}`,
    measured: `${ratio.toFixed(2)} × (${median(ours).toFixed(2)} s against ${median(theirs).toFixed(2)} s)`,
    promise: `at most ${MOST_RATIO} ×`,
    met: ratio <= MOST_RATIO,
  };
}

/** Recordings of all lengths and priorities that come as they like: how many end before it was said, and whether requests notice. */
async function mixed(env: Env): Promise<Figure[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mutirao-bench-'));
  const own = {
    ...env,
    DATA_DIR: dataDir,
    AUDIO_MAX_WAITING_EACH: '500',
    RATE_LIMIT_PER_MINUTE: '0',
    RATE_LIMIT_USER_PER_MINUTE: '0',
    RATE_LIMIT_AUTH_PER_MINUTE: '0',
  };
  const api = await spawnLab({ ...own, APP_ROLE: 'api' }, { silent: true });
  const worker = await spawnLab({ ...own, APP_ROLE: 'worker' }, { silent: true });
  const database = new pg.Client({ connectionString: env.DATABASE_URL });
  await database.connect();
  try {
    const email = `audio-${newId()}@example.org`;
    const registered = await fetch(`${api.url}/api/v1/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password: 'uma frase bem longa e minha', name: 'Ana Souza' }),
    });
    const { accessToken } = (await registered.json()) as { accessToken: string };
    await database.query(`UPDATE users SET role = 'organizer' WHERE email = $1`, [email]);
    const lengths = [2, 4, 7, 12, 20, 35, 60];
    const sounds = lengths.map((seconds) => speech(seconds, { channels: 1, sampleRate: 16_000 }));
    await lateMs(api.url);
    await pause(IDLE_MS);
    const idle = await lateMs(api.url);
    const late: number[] = [];
    let eachMs = 500;
    for (let count = 0; count < JOBS; count += 1) {
      const form = new FormData();
      form.append('priority', priorities[count % 3]!);
      form.append('file', new Blob([new Uint8Array(sounds[Math.floor(Math.random() * sounds.length)]!)]), 'voz.wav');
      await fetch(`${api.url}/api/v1/queues/audio/jobs`, {
        method: 'POST',
        headers: { authorization: `Bearer ${accessToken}` },
        body: form,
      });
      if (count % 20 === 19) {
        const { rows } = await database.query<{ ms: number | null }>(
          `SELECT avg(worked_ms) / (SELECT greatest(1, sum(at_once)) FROM audio_runners) AS ms FROM audio_jobs WHERE worked_ms IS NOT NULL`,
        );
        eachMs = rows[0]?.ms ?? eachMs;
        late.push(await lateMs(api.url));
      }
      await pause((-Math.log(1 - Math.random()) * eachMs) / LOAD);
    }
    while ((await open(database)) > 0) await pause(200);
    late.push(await lateMs(api.url));
    const { rows } = await database.query<{ kept: number; many: number }>(
      `SELECT count(*) FILTER (WHERE ended_at <= promised_at)::int AS kept, count(*)::int AS many
       FROM (SELECT * FROM audio_jobs ORDER BY id OFFSET $1) AS later WHERE promised_at IS NOT NULL`,
      [LEARNED],
    );
    const { kept, many } = rows[0]!;
    const part = kept / many;
    return [
      {
        what: `recordings of 2 to 60 s and all priorities that ended before their stated P90, of ${many}`,
        measured: `${(part * 100).toFixed(1)} %`,
        promise: '85 to 95 %',
        met: part >= 0.85 && part <= 0.95,
      },
      {
        what: 'how late the loop of the API was at most meanwhile',
        measured: `${Math.max(...late).toFixed(0)} ms (${idle.toFixed(0)} ms without recordings)`,
        promise: `at most ${MOST_LATE_MS} ms`,
        met: Math.max(...late) <= MOST_LATE_MS,
      },
    ];
  } finally {
    await database.end();
    await Promise.all([api.end(), worker.end()]);
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function open(database: pg.Client): Promise<number> {
  const { rows } = await database.query<{ many: number }>(
    `SELECT count(*)::int AS many FROM audio_jobs WHERE state IN ('queued', 'running')`,
  );
  return rows[0]?.many ?? 0;
}

/** At most, since it was last asked. */
async function lateMs(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/mutirao_event_loop_delay_seconds\{[^}]*quantile="1"[^}]*\} (\S+)/.exec(text)?.[1]) * 1_000;
}
