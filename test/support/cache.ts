import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import type { Environment } from '../../src/config/config.js';
import { pause } from '../../src/kernel/waiting.js';
import { freshDatabase, freshRedis } from './fresh.js';
import { eventually, labEnvironment, spawnLab } from './lab.js';

export interface Told {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  text: string;
  json: Record<string, unknown>;
  cache: string;
}

interface Question {
  method?: string;
  headers?: Record<string, string>;
}

const agent = new Agent({ keepAlive: true, maxSockets: 200 });

/** Nothing is unpacked or followed: what comes is what was sent. A process that is behind is asked once more. */
export async function ask(url: string, question: Question = {}): Promise<Told> {
  for (;;) {
    const told = await once(url, question);
    if (told.json.code !== 'overloaded') return told;
    await pause(100);
  }
}

const once = (url: string, { method = 'GET', headers = {} }: Question) =>
  new Promise<Told>((resolve, reject) => {
    const asking = request(url, { agent, method, headers, timeout: 30_000 }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => {
        const body = Buffer.concat(parts);
        const text = body.toString();
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body,
          text,
          json: text.startsWith('{') ? (JSON.parse(text) as Told['json']) : {},
          cache: String(answer.headers['cache-status']),
        });
      });
    });
    asking.on('timeout', () => asking.destroy(new Error(`no answer from ${url}`)));
    asking.on('error', reject);
    asking.end();
  });

export const as = (name: string, headers: Record<string, string> = {}): Question => ({
  headers: { authorization: `Bearer ${name}`, ...headers },
});

interface Shown {
  status: string;
  process: number;
  redis: number;
  misses: number;
  drops: number;
  stored: number;
  bypassed: number;
  loads: number;
  collapsed: { process: number; redis: number };
  kept: { entries: number; bytes: number };
  byTag: Record<string, unknown>;
}

/** So many processes of one installation that have notes. */
export async function openCache(env: Environment = {}, processes = 2, settings: Record<string, string> = {}) {
  const [database, redis] = await Promise.all([freshDatabase(), freshRedis(settings)]);
  const spawn = () =>
    spawnLab(labEnvironment(database.url, redis.url, { APP_ROLE: 'api', LOG_LEVEL: 'fatal', ...env }), { main: 'cache.main.js' });
  const labs = await Promise.all(Array.from({ length: processes }, spawn));
  const figures = async (url = labs[0]!.url) => (await ask(`${url}/notes/any/figures`)).json as unknown as Shown;
  const urls = () => labs.map(({ url }) => url);
  const up = () =>
    eventually(
      () => Promise.all(urls().map(figures)),
      (all) => all.every(({ status }) => status === 'up'),
    );
  await up();
  return {
    database,
    redis,
    labs,
    urls,
    figures,
    /** Every process believes its Redis. */
    up,
    spawn: async () => {
      const lab = await spawn();
      labs.push(lab);
      await up();
      return lab;
    },
    edit: async (id: string, url = labs[0]!.url) => Number((await ask(`${url}/notes/${id}`, { method: 'POST' })).json.version),
    close: async () => {
      await Promise.all(labs.map(({ end }) => end('SIGKILL')));
      await Promise.all([redis.stop(), database.drop()]);
    },
  };
}
