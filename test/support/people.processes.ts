import type { Environment } from '../../src/config/config.js';
import { freshDatabase, freshRedis } from './fresh.js';
import { labEnvironment, spawnLab } from './lab.js';
import { requestOf } from './request.js';

export type Answer = { status: number; headers: Headers; json: Record<string, unknown> };

/** Real processes of one installation, which can be killed and started again. */
export async function spawnPeople(processes: number, env: Environment = {}) {
  const [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  const all = labEnvironment(database.url, redis.url, {
    APP_ROLE: 'api',
    RATE_LIMIT_AUTH_PER_MINUTE: '0',
    RATE_LIMIT_USER_PER_MINUTE: '0',
    WORKERS: String(processes),
    ...env,
  });
  const spawn = () => spawnLab(all);
  const labs = await Promise.all(Array.from({ length: processes }, spawn));
  return {
    labs,
    rows: database.rows,
    databaseUrl: database.url,
    /** Asks the process of that number; `undefined` where it died under the question. */
    send: async (at: number, method: string, path: string, body?: unknown, token?: string): Promise<Answer | undefined> => {
      try {
        const url = `${labs[at % labs.length]?.url}/api/v1${path}`;
        const response = await fetch(url, { ...requestOf(method, body, token), signal: AbortSignal.timeout(30_000) });
        const text = await response.text();
        return { status: response.status, headers: response.headers, json: text === '' ? {} : (JSON.parse(text) as Answer['json']) };
      } catch (fault) {
        if (fault instanceof Error && fault.name === 'TimeoutError') throw fault;
        return undefined;
      }
    },
    kill: async (at: number) => {
      await labs[at]?.end('SIGKILL');
      labs[at] = await spawn();
    },
    close: async () => {
      await Promise.all(labs.map(({ end }) => end('SIGKILL')));
      await Promise.all([database.drop(), redis.stop()]);
    },
  };
}
