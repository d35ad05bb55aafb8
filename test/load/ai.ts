import { spawnLab } from '../support/lab.js';
import { KEY, startOpenAI } from '../support/openai.js';
import { against, asInProduction, costOf, spawnBare, type Asked } from './against.js';
import { median, type Figure } from './figures.js';

const MODEL = 'model-of-tests';
const PAIRS = 5;
const CALLS = 4_000;
const CONNECTIONS = 32;
const STREAMS = 200;
const json = { 'content-type': 'application/json' };
const messages = [{ role: 'user', content: 'Quais campanhas precisam de ajuda?' }];

/** Ours less the same by hand, in turns. */
async function added(whose: string, own: Asked, hand: Asked, cpu: { own: number[]; hand: number[] }): Promise<Figure> {
  const pairs: number[] = [];
  for (let turn = 0; turn <= PAIRS; turn += 1) {
    const byHand = await costOf(cpu.hand, hand, CALLS, CONNECTIONS);
    const cost = (await costOf(cpu.own, own, CALLS, CONNECTIONS)) - byHand;
    if (turn > 0) pairs.push(cost / 1_000);
  }
  const most = median(pairs);
  return {
    what: `CPU that a call of the AI adds to a bare Fastify proxy, ${CONNECTIONS} at once, ${whose}, database and Redis counted in, median of ${PAIRS} pairs`,
    measured: `${most.toFixed(2)} ms (${pairs.map((each) => each.toFixed(2)).join(', ')})`,
    promise: 'at most 2 ms',
    met: most <= 2,
  };
}

async function firstByteMs({ url, headers, body }: Asked): Promise<number> {
  const began = performance.now();
  const answer = await fetch(url, { method: 'POST', headers, body });
  const reader = answer.body!.getReader();
  await reader.read();
  const took = performance.now() - began;
  while (!(await reader.read()).done);
  return took;
}

async function later(own: Asked, hand: Asked): Promise<Figure> {
  const differences: number[] = [];
  for (let turn = 0; turn < STREAMS; turn += 1) differences.push(-(await firstByteMs(hand)) + (await firstByteMs(own)));
  const most = median(differences);
  return {
    what: `the first byte of a stream, after that of a bare Fastify proxy, median of ${STREAMS} pairs`,
    measured: `${most.toFixed(1)} ms`,
    promise: 'at most 5 ms',
    met: most <= 5,
  };
}

/** What the AI gateway costs beside what the least one would. */
export async function ai(env: Record<string, string | undefined>, engines: number[]): Promise<Figure[]> {
  const provider = await startOpenAI({ words: 20 });
  const settings = { AI_BASE_URL: provider.url, AI_API_KEY: KEY, AI_MODEL: MODEL, AI_DAILY_TOKENS: '1000000000' };
  const limits = { RATE_LIMIT_PER_MINUTE: '0', RATE_LIMIT_USER_PER_MINUTE: '0' };
  const ours = await spawnLab({ ...env, ...asInProduction, ...settings, ...limits, APP_ROLE: 'api' }, { silent: true });
  const register = async (n: number): Promise<string> => {
    const person = { email: `bench-ai-${n}@example.org`, password: 'uma frase bem longa e minha', name: 'Ana Souza' };
    const registered = await fetch(`${ours.url}/api/v1/auth/register`, { method: 'POST', headers: json, body: JSON.stringify(person) });
    return ((await registered.json()) as { accessToken: string }).accessToken;
  };
  const tokens: string[] = [];
  for (let n = 0; n < CONNECTIONS; n += 1) tokens.push(await register(n));
  const [accessToken = ''] = tokens;
  const question = (url: string, token: string, over: object = {}): Asked => ({
    url: `${url}/v1/chat/completions`,
    method: 'POST',
    headers: { ...json, authorization: `Bearer ${token}` },
    body: JSON.stringify({ model: MODEL, messages, ...over }),
  });
  const once = question(ours.url, accessToken, { temperature: 0 });
  const kept = await (await fetch(once.url, once)).text();
  const bare = await spawnBare('bare-ai', [provider.url, kept]);
  const cpu = { own: [ours.process.pid ?? Number.NaN, ...engines], hand: [bare.pid] };
  const figures = [
    await added('each of another person', { ...question(ours.url, accessToken), tokens }, question(bare.url, KEY), cpu),
    await added('all of one person', question(ours.url, accessToken), question(bare.url, KEY), cpu),
    await later(question(ours.url, accessToken, { stream: true }), question(bare.url, KEY, { stream: true })),
    await against({
      what: 'an answer of the AI that is kept',
      own: once,
      hand: { ...question(bare.url, KEY, { temperature: 0 }), url: `${bare.url}/kept` },
      cpu,
      most: 2,
    }),
  ];
  await Promise.all([bare.end(), ours.end(), provider.stop()]);
  return figures;
}
