import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import autocannon, { type Client } from 'autocannon';
import { cpuSeconds, median, type Figure } from './figures.js';

const PAIRS = 7;
const REQUESTS = 20_000;
const CONNECTIONS = 64;

export const asInProduction = {
  ENVIRONMENT: 'production',
  SECRET_KEY: 'bench'.repeat(16),
  LOG_LEVEL: 'info',
  RATE_LIMIT_IP_PER_MINUTE: '100000000',
  RATE_LIMIT_USER_PER_MINUTE: '100000000',
  RATE_LIMIT_AUTH_PER_MINUTE: '0',
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
}

interface Contest {
  what: string;
  own: Asked;
  hand: Asked;
  /** All processes that do the work. */
  cpu: { own: number[]; hand: number[] };
  most: number;
  requests?: number;
  connections?: number;
}

/** CPU in µs of one request, over all processes that answer it. */
export async function costOf(pids: number[], { tokens, ...asked }: Asked, amount: number, connections: number): Promise<number> {
  const before = cpuSeconds(pids);
  let nth = 0;
  const setupClient = (client: Client) => {
    if (tokens) client.setHeaders({ ...asked.headers, authorization: `Bearer ${tokens[nth++ % tokens.length]}` });
  };
  const { non2xx, errors } = await autocannon({ ...asked, connections, amount, setupClient });
  if (non2xx + errors > 0) throw new Error(`${asked.url}: ${non2xx} refused, ${errors} failed`);
  return ((cpuSeconds(pids) - before) / amount) * 1e6;
}

/** Ours and the same by hand in turns; the first turn only warms both up. */
export async function against({ what, own, hand, cpu, most, requests = REQUESTS, connections = CONNECTIONS }: Contest): Promise<Figure> {
  const pairs: { own: number; hand: number }[] = [];
  for (let turn = 0; turn <= PAIRS; turn += 1) {
    const pair = { hand: await costOf(cpu.hand, hand, requests, connections), own: await costOf(cpu.own, own, requests, connections) };
    if (turn > 0) pairs.push(pair);
  }
  const ratio = median(pairs.map((pair) => pair.own / pair.hand));
  const [ownCost, handCost] = [median(pairs.map((pair) => pair.own)), median(pairs.map((pair) => pair.hand))];
  return {
    what: `${what}, CPU against bare Fastify, median of ${PAIRS} pairs`,
    measured: `${ratio.toFixed(2)}× (${ownCost.toFixed(1)} against ${handCost.toFixed(1)} ms per 1,000 requests)`,
    promise: `at most ${most}×`,
    met: ratio <= most,
  };
}
