import { spawnLab } from '../support/lab.js';
import { against, asInProduction, spawnBare } from './against.js';
import type { Figure } from './figures.js';

type Env = Record<string, string | undefined>;

/** What the edge costs: each route of ours beside the same work done by hand, in turns, with limits, log and request ids on. */
export async function edge(env: Env, redisUrl: string, redisPids: number[]): Promise<Figure[]> {
  const bare = await spawnBare('bare', [env.DATABASE_URL ?? '', redisUrl]);
  const ours = await spawnLab({ ...env, ...asInProduction, APP_ROLE: 'api' }, { main: '../load/edge.main.js', silent: true });
  const cpu = { own: [ours.process.pid ?? Number.NaN, ...redisPids], hand: [bare.pid, ...redisPids] };
  const compare = (what: string, path: string, by: string, most: number, headers = {}) =>
    against({ what, most, cpu, own: { url: `${ours.url}${path}`, headers }, hand: { url: `${bare.url}${by}` } });
  const figures = [
    await compare('a trivial route', '/bench/trivial', '/trivial', 2),
    await compare('9.6 KB from the process, the other from Redis', '/bench/page', '/page', 1.2),
    await compare('9.6 KB of a person from Redis, the other too', '/bench/mine', '/page', 1.6, { authorization: 'Bearer bench' }),
  ];
  await Promise.all([bare.end(), ours.end()]);
  return figures;
}
