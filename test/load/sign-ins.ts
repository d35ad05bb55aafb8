import { Agent, request } from 'node:http';
import { pause } from '../../src/kernel/waiting.js';
import { spawnLab } from '../support/lab.js';
import { asInProduction } from './against.js';
import type { Figure } from './figures.js';
import { addPeople, PASSWORD } from './people.js';

const CROWD = 1_000;
const READ_EVERY_MS = 10;
const READ_FIRST_MS = 2_000;

interface Answer {
  status: number;
  ms: number;
  retryAfter: string | undefined;
  body: string;
}

const ask = (url: string, agent: Agent, headers: Record<string, string>, body?: object) =>
  new Promise<Answer>((resolve, reject) => {
    const began = performance.now();
    const method = body === undefined ? 'GET' : 'POST';
    const asking = request(url, { agent, method, headers: { ...headers, 'content-type': 'application/json' } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.on('error', reject).on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          ms: performance.now() - began,
          retryAfter: answer.headers['retry-after'],
          body: text,
        }),
      );
    });
    asking.on('error', reject);
    asking.end(body === undefined ? undefined : JSON.stringify(body));
  });

/** The share of all that `part` of them are within. */
const within = (times: number[], part: number) => [...times].sort((a, b) => a - b)[Math.ceil(times.length * part) - 1] ?? Number.NaN;

/** A thousand people sign in at one moment, while somebody reads a hundred times a second. */
export async function signIns(env: Record<string, string | undefined>): Promise<Figure[]> {
  const lab = await spawnLab({ ...env, ...asInProduction, APP_ROLE: 'api' }, { silent: true });
  const emails = await addPeople(env.DATABASE_URL ?? '', CROWD);
  const door = `${lab.url}/api/v1/auth/login`;
  const [crowdAgent, readAgent] = [new Agent(), new Agent({ keepAlive: true, maxSockets: 50 })];
  const first = await ask(door, readAgent, {}, { email: emails[0], password: PASSWORD });
  const headers = { authorization: `Bearer ${(JSON.parse(first.body) as { accessToken: string }).accessToken}` };
  const reads: Promise<Answer>[] = [];
  const reading = setInterval(() => reads.push(ask(`${lab.url}/api/v1/users/me`, readAgent, headers)), READ_EVERY_MS);
  await pause(READ_FIRST_MS);
  const answers = await Promise.all(emails.map((email) => ask(door, crowdAgent, {}, { email, password: PASSWORD })));
  clearInterval(reading);
  const read = await Promise.all(reads);
  await lab.end();
  const refused = answers.filter(({ status }) => status !== 200);
  const wrong = refused.filter(({ status, retryAfter }) => ![429, 503].includes(status) || !/^[1-9]\d*$/.test(retryAfter ?? ''));
  const unread = read.filter(({ status }) => status !== 200).length;
  const [slowest, p95] = [
    Math.max(...answers.map(({ ms }) => ms)),
    within(
      read.map(({ ms }) => ms),
      0.95,
    ),
  ];
  return [
    {
      what: `${CROWD} sign-ins at once`,
      measured: `${answers.length - refused.length} let in, ${refused.length} told to come again, slowest ${(slowest / 1_000).toFixed(1)} s`,
      promise: 'all answered within 10 s, refused ones with Retry-After',
      met: slowest < 10_000 && wrong.length === 0,
    },
    {
      what: 'reads meanwhile, 100 a second',
      measured: `P95 ${p95.toFixed(0)} ms of ${read.length}, ${unread} not served`,
      promise: 'P95 under 500 ms',
      met: p95 < 500 && unread === 0,
    },
  ];
}
