import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import autocannon from 'autocannon';
import { spawnLab } from '../support/lab.js';
import { cpuSeconds, median, type Figure } from './figures.js';

type Env = Record<string, string | undefined>;

const PAIRS = 7;
const REQUESTS = 20_000;
const CONNECTIONS = 64;

/** The least that a server can do, written by hand. */
async function spawnBare(redisUrl: string) {
  const child = fork(resolve('.build/test/load/bare.js'), [redisUrl], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const gone = once(child, 'exit');
  const [url] = (await once(child, 'message')) as [string];
  return { url, pid: child.pid ?? Number.NaN, end: async () => (child.kill(), gone) };
}

const signedIn = { authorization: 'Bearer bench' };

/** CPU in µs of one request, over all processes that answer it. */
async function costOf(pids: number[], url: string, headers: Record<string, string>): Promise<number> {
  const before = cpuSeconds(pids);
  const { non2xx, errors } = await autocannon({ url, headers, connections: CONNECTIONS, amount: REQUESTS });
  if (non2xx + errors > 0) throw new Error(`${url}: ${non2xx} refused, ${errors} failed`);
  return ((cpuSeconds(pids) - before) / REQUESTS) * 1e6;
}

/** How long those wait who come a thousand at a time, the load tool on the same two cores. */
async function crowd(what: string, url: string): Promise<Figure> {
  const { latency, requests, non2xx, errors } = await autocannon({ url, connections: 1_000, duration: 10 });
  return {
    what: `${what} at 1,000 connections`,
    // The tool knows no 95th percentile; this one is stricter.
    measured: `97.5 % within ${latency.p97_5} ms (${requests.average.toFixed(0)}/s, ${non2xx + errors} not answered)`,
    promise: 'P95 under 100 ms',
    met: latency.p97_5 < 100 && non2xx + errors === 0,
  };
}

/** What the edge costs: each route of ours beside the same work done by hand, in turns, with limits, log and request ids on. */
export async function edge(env: Env, redisUrl: string, redisPids: number[]): Promise<Figure[]> {
  const bare = await spawnBare(redisUrl);
  const asInProduction = {
    ENVIRONMENT: 'production',
    SECRET_KEY: 'bench'.repeat(16),
    LOG_LEVEL: 'info',
    RATE_LIMIT_IP_PER_MINUTE: '100000000',
    RATE_LIMIT_USER_PER_MINUTE: '100000000',
  };
  const ours = await spawnLab({ ...env, ...asInProduction, APP_ROLE: 'api' }, { main: '../load/edge.main.js', silent: true });
  const compare = async (what: string, path: string, by: string, most: number, headers = {}): Promise<Figure> => {
    const pairs: { own: number; hand: number }[] = [];
    for (let turn = 0; turn <= PAIRS; turn += 1) {
      const hand = await costOf([bare.pid, ...redisPids], `${bare.url}${by}`, {});
      const own = await costOf([ours.process.pid ?? Number.NaN, ...redisPids], `${ours.url}${path}`, headers);
      // The first turn only warms both up.
      if (turn > 0) pairs.push({ own, hand });
    }
    const ratio = median(pairs.map(({ own, hand }) => own / hand));
    const [own, hand] = [median(pairs.map((pair) => pair.own)), median(pairs.map((pair) => pair.hand))];
    return {
      what: `${what}, CPU against bare Fastify, median of ${PAIRS} pairs`,
      measured: `${ratio.toFixed(2)}× (${own.toFixed(1)} against ${hand.toFixed(1)} ms per 1,000 requests)`,
      promise: `at most ${most}×`,
      met: ratio <= most,
    };
  };
  const figures = [
    await compare('a trivial route', '/bench/trivial', '/trivial', 2),
    await compare('9.6 KB from the process, the other from Redis', '/bench/page', '/page', 1.2),
    await compare('9.6 KB of a person from Redis, the other too', '/bench/mine', '/page', 1.6, signedIn),
    await crowd('a cached list', `${ours.url}/bench/page`),
  ];
  await Promise.all([bare.end(), ours.end()]);
  return figures;
}
