import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import { type Environment } from '../../src/config/config.js';
import type { LimitFigures } from '../../src/http/limits/limits.service.js';
import { pause } from '../../src/kernel/waiting.js';
import { freshDatabase, freshRedis } from './fresh.js';
import { labEnvironment, spawnLab } from './lab.js';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
  ms: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: 100 });

/** A process that is behind with its work, as on a busy machine, refuses before it counts; then once more. */
export async function ask(url: string, headers: Record<string, string> = {}, body?: unknown): Promise<Answer> {
  for (;;) {
    const answer = await askOnce(url, headers, body);
    if (answer.body.code !== 'overloaded') return answer;
    await pause(200);
  }
}

/** Over kept connections, so that many can be under way at once. */
const askOnce = (url: string, headers: Record<string, string>, body: unknown) =>
  new Promise<Answer>((resolve, reject) => {
    const began = performance.now();
    const asking = request(
      url,
      {
        agent,
        headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
        method: body === undefined ? 'GET' : 'POST',
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: text ? (JSON.parse(text) as Answer['body']) : {},
            ms: performance.now() - began,
          }),
        );
      },
    );
    asking.on('error', reject);
    asking.end(body === undefined ? undefined : JSON.stringify(body));
  });

export const withStatus = (answers: Answer[], status: number) => answers.filter((answer) => answer.status === status).length;

/** A fresh address each time, as a proxy would tell it. */
let addresses = 0;
export const someone = () => ({ 'x-forwarded-for': `198.18.${addresses >> 8}.${addresses++ & 255}` });

/** So many processes of one installation, behind a proxy on this machine. */
export async function openLimits(env: Environment = {}, processes = 2) {
  const [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  const all = {
    APP_ROLE: 'api',
    TRUST_PROXY: '127.0.0.1',
    RATE_LIMIT_IP_PER_MINUTE: '600',
    WORKERS: String(processes),
    ...env,
  };
  const labs = await Promise.all(
    Array.from({ length: processes }, () => spawnLab(labEnvironment(database.url, redis.url, all), { main: 'limits.main.js' })),
  );
  const urls = labs.map(({ url }) => url);
  const figures = () => Promise.all(urls.map(async (url) => (await ask(`${url}/limits/figures`)).body as unknown as LimitFigures));
  const alone = async () => (await figures()).reduce((sum, one) => sum + one.alone, 0);
  return {
    urls,
    redis,
    figures,
    alone,
    /** All at once, over all processes in turn. */
    volley: (many: number, path: string, headers: Record<string, string>, body?: unknown) =>
      Promise.all(Array.from({ length: many }, (_, n) => ask(`${urls[n % urls.length]}${path}`, headers, body))),
    /** What happens while Redis answers in time; on a machine that is too busy for that, once more. */
    undisturbed: async (work: () => Promise<Answer[][]>): Promise<Answer[][]> => {
      for (;;) {
        const before = await alone();
        const answers = await work();
        if ((await alone()) === before) return answers;
        await pause(1_000);
      }
    },
    close: async () => {
      await Promise.all(labs.map(({ end }) => end('SIGKILL')));
      await Promise.all([redis.stop(), database.drop()]);
    },
  };
}
