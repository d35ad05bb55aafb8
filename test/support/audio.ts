import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../src/config/config.js';
import { eventually } from './lab.js';
import { openPeople, type People, type Session } from './people.js';

export interface Job {
  id: string;
  status: string;
  progress: number;
  error: { reason: string; advice: string } | null;
  result: Record<string, unknown> | null;
  [fact: string]: unknown;
}

/** The application with recordings, which lie in a folder that goes with it. */
export async function openAudio(env: Environment = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), 'mutirao-audio-'));
  const people = await openPeople({
    APP_ROLE: 'all',
    DATA_DIR: dataDir,
    RATE_LIMIT_USER_PER_MINUTE: '0',
    RATE_LIMIT_PER_MINUTE: '0',
    ...env,
  });
  const [ana, admin, donor] = await Promise.all([people.person({ role: 'organizer' }), people.person({ role: 'admin' }), people.person()]);
  const audio = audioOf(people, dataDir);
  return {
    ...audio,
    ...{ people, dataDir, ana, admin, donor },
    rows: people.rows,
    close: async () => {
      await people.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** On a busy machine a process may be behind, and says so: it is asked once more. */
export const patient = <T extends { json: Record<string, unknown> }>(ask: () => Promise<T>): Promise<T> =>
  eventually(ask, ({ json }) => !String(json.detail).includes('is behind'));

/** Short words for what is done with recordings. */
export function audioOf(people: Pick<People, 'url' | 'ask'>, dataDir: string) {
  const ask = (as: Session | undefined, method: string, path = '', headers: Record<string, string> = {}) =>
    patient(() => people.ask(`/api/v1/queues/audio/jobs${path}`, { method, headers: { ...authorized(as), ...headers } }));
  const upload = (as: Session | undefined, bytes: Buffer, fields: Record<string, string> = {}, name = 'voz.wav') => {
    const form = new FormData();
    for (const [field, value] of Object.entries(fields)) form.append(field, value);
    form.append('file', new Blob([new Uint8Array(bytes)]), name);
    return patient(() => people.ask('/api/v1/queues/audio/jobs', { method: 'POST', body: form, headers: authorized(as) }));
  };
  const read = async (as: Session, id: unknown) => (await ask(as, 'GET', `/${String(id)}`)).json as unknown as Job;
  return {
    ask,
    upload,
    read,
    /** Its id, once it was taken; a process that is behind is asked once more. */
    send: async (as: Session, bytes: Buffer, fields: Record<string, string> = {}) => {
      const { status, text, json } = await eventually(
        () => upload(as, bytes, fields),
        (answer) => answer.json.code !== 'overloaded',
      );
      if (status !== 202) throw new Error(`not taken: ${text}`);
      return String(json.id);
    },
    becomes: async (as: Session, id: string, ...statuses: string[]) => {
      const ends = [...statuses, 'completed', 'failed', 'cancelled'];
      const job = await eventually(
        () => read(as, id),
        ({ status }) => ends.includes(status),
        60_000,
      );
      if (!statuses.includes(job.status)) throw new Error(JSON.stringify(job));
      return job;
    },
    /** Of recordings, whatever of them lies there. */
    files: async () => {
      const found = await readdir(join(dataDir, 'audio'), { recursive: true, withFileTypes: true }).catch(() => []);
      return found.filter((entry) => entry.isFile() && entry.name !== 'installation').map((entry) => join(entry.parentPath, entry.name));
    },
  };
}

const authorized = (as: Session | undefined): Record<string, string> => (as ? { authorization: `Bearer ${as.accessToken}` } : {});

export type Audio = Awaited<ReturnType<typeof openAudio>>;
