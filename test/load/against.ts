import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import autocannon, { type Client } from 'autocannon';
import { pause } from '../../src/kernel/waiting.js';
import { cpuSeconds, median, type Figure } from './figures.js';

const PAIRS = 7;
/** What a process runs often is compiled again and again until it is as quick as it stays. */
const WARMING = 3;
const REQUESTS = 20_000;
export const CONNECTIONS = 64;

export const asInProduction = {
  ENVIRONMENT: 'production',
  SECRET_KEY: 'bench'.repeat(16),
  LOG_LEVEL: 'info',
  OVERLOAD_DELAY_MS: '250',
  RATE_LIMIT_IP_PER_MINUTE: '100000000',
  RATE_LIMIT_USER_PER_MINUTE: '100000000',
  RATE_LIMIT_AUTH_PER_MINUTE: '100000000',
};

/** The least that a server can do, written by hand. */
export async function spawnBare(name: string, args: string[]) {
  const child = fork(resolve(`.build/test/load/${name}.js`), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const gone = once(child, 'exit');
  const [url] = (await once(child, 'message')) as [string];
  return { url, pid: child.pid ?? Number.NaN, end: async () => (child.kill(), gone) };
}

export interface Asked {
  url: string;
  headers?: Record<string, string>;
  method?: 'GET' | 'POST';
  body?: string;
  /** Puts an id of its own into each request, where `[<id>]` stands. */
  idReplacement?: boolean;
  /** Who asks, one on each connection. */
  tokens?: readonly string[];
  /** One after the other and again, each connection from another one on. */
  steps?: readonly Step[];
}

export interface Step {
  method: 'GET' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Makes ready whatever is asked, and gives what asks it: only that is measured. */
export type Crowd = (amount: number, connections: number) => Promise<() => Promise<void>>;

interface Contest {
  own: Asked | Crowd;
  hand: Asked | Crowd;
  /** All processes that do the work. */
  cpu: { own: number[]; hand: number[] };
  requests?: number;
  connections?: number;
  pairs?: number;
  /** What the same processes do meanwhile for others: how much of it is done. Its own cost is no cost of what is asked. */
  beside?: () => number;
}

const BESIDE_MS = 3_000;

/** CPU in seconds of one piece of what is done beside, while nothing else is asked. */
async function costBeside(pids: number[], done: () => number): Promise<number> {
  const [before, began] = [cpuSeconds(pids), done()];
  await pause(BESIDE_MS);
  return (cpuSeconds(pids) - before) / (done() - began);
}

/** CPU in µs of one request, over all processes that answer it. */
export async function costOf(pids: number[], asked: Asked | Crowd, amount: number, connections: number): Promise<number> {
  const ask = typeof asked === 'function' ? await asked(amount, connections) : () => askAll(asked, amount, connections);
  const before = cpuSeconds(pids);
  await ask();
  return ((cpuSeconds(pids) - before) / amount) * 1e6;
}

async function askAll({ tokens, steps, ...asked }: Asked, amount: number, connections: number): Promise<void> {
  let nth = 0;
  const setupClient = (client: Client) => {
    const n = nth++;
    if (tokens) client.setHeaders({ ...asked.headers, authorization: `Bearer ${tokens[n % tokens.length]}` });
    if (steps) client.setRequests([...steps.slice(n % steps.length), ...steps.slice(0, n % steps.length)]);
  };
  const { non2xx, errors, statusCodeStats } = await autocannon({
    ...asked,
    ...(steps && { idReplacement: true }),
    connections,
    amount,
    setupClient,
  });
  if (non2xx + errors > 0) throw new Error(`${asked.url}: ${non2xx} refused, ${errors} failed: ${JSON.stringify(statusCodeStats)}`);
}

/** Ours and the same by hand in turns; the first of them only warm both up. In ms of CPU of a thousand requests. */
export async function compare(contest: Contest) {
  const { cpu, requests = REQUESTS, connections = CONNECTIONS, pairs: many = PAIRS, beside } = contest;
  const each = { hand: 0, own: 0 };
  if (beside) for (const who of ['hand', 'own'] as const) each[who] = (await costBeside(cpu[who], beside)) * 1e6;
  const cost = async (who: 'own' | 'hand') => {
    const began = beside?.() ?? 0;
    const all = await costOf(cpu[who], contest[who], requests, connections);
    return { all, alone: all - (((beside?.() ?? 0) - began) * each[who]) / requests };
  };
  const pairs: Record<'own' | 'hand', { all: number; alone: number }>[] = [];
  for (let turn = -Math.min(WARMING, many); turn < many; turn += 1) {
    const pair = { hand: await cost('hand'), own: await cost('own') };
    if (turn >= 0) pairs.push(pair);
  }
  const ratioOf = (part: 'all' | 'alone') => median(pairs.map(({ own, hand }) => own[part] / hand[part]));
  return {
    pairs: many,
    ratio: ratioOf('alone'),
    /** With what goes on beside counted in. */
    ratioOfAll: ratioOf('all'),
    own: median(pairs.map(({ own }) => own.alone)),
    hand: median(pairs.map(({ hand }) => hand.alone)),
  };
}

export async function against({ what, most, ...contest }: Contest & { what: string; most: number }): Promise<Figure> {
  const { pairs, ratio, ratioOfAll, own, hand } = await compare(contest);
  const withBeside = contest.beside ? `; ${ratioOfAll.toFixed(2)}× with what goes on beside counted in` : '';
  return {
    what: `${what}, CPU against bare Fastify, median of ${pairs} pairs`,
    measured: `${ratio.toFixed(2)}× (${own.toFixed(1)} against ${hand.toFixed(1)} ms per 1,000 requests${withBeside})`,
    promise: `at most ${most}×`,
    met: ratio <= most,
  };
}
