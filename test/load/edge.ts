import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import autocannon from 'autocannon';
import { spawnLab } from '../support/lab.js';
import { cpuSeconds, median, type Figure } from './figures.js';

type Env = Record<string, string | undefined>;

interface Contestant {
  url: string;
  pids: number[];
  end: () => Promise<unknown>;
}

const PAIRS = 7;
const REQUESTS = 20_000;
const CONNECTIONS = 64;

/** The least that a server can do, written by hand: no limits, no log, no checks. */
async function spawnBare(redisUrl: string): Promise<Contestant> {
  const child = fork(resolve('.build/test/load/bare.js'), [redisUrl], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [url] = (await once(child, 'message')) as [string];
  const gone = once(child, 'exit');
  return { url, pids: [child.pid ?? Number.NaN], end: async () => (child.kill(), gone) };
}

/** CPU in µs of one request, over all processes that answer it. */
async function costOf({ pids }: Contestant, url: string): Promise<number> {
  const before = cpuSeconds(pids);
  const { non2xx, errors } = await autocannon({ url, connections: CONNECTIONS, amount: REQUESTS });
  if (non2xx + errors > 0) throw new Error(`${url}: ${non2xx} refused, ${errors} failed`);
  return ((cpuSeconds(pids) - before) / REQUESTS) * 1e6;
}

/** What the edge costs: each route of ours beside the same work done by hand, in turns, with limits, log and request ids on. */
export async function edge(env: Env, redisUrl: string): Promise<Figure[]> {
  const bare = await spawnBare(redisUrl);
  const asInProduction = {
    ENVIRONMENT: 'production',
    SECRET_KEY: 'bench'.repeat(16),
    LOG_LEVEL: 'info',
    RATE_LIMIT_IP_PER_MINUTE: '100000000',
  };
  const lab = await spawnLab({ ...env, ...asInProduction, APP_ROLE: 'api' }, { silent: true });
  const ours: Contestant = { url: lab.url, pids: [lab.process.pid ?? Number.NaN], end: () => lab.end() };
  const compare = async (what: string, path: string, by: string, most: number): Promise<Figure> => {
    const pairs: { own: number; hand: number }[] = [];
    for (let turn = 0; turn <= PAIRS; turn += 1) {
      const hand = await costOf(bare, `${bare.url}${by}`);
      const own = await costOf(ours, `${ours.url}${path}`);
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
  const figures = [await compare('a trivial route', '/lab/trivial', '/trivial', 2)];
  await Promise.all([bare.end(), ours.end()]);
  return figures;
}
