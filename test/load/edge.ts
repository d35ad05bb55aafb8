import { spawnLab } from '../support/lab.js';
import { against, asInProduction, spawnBare } from './against.js';
import { crowd } from './crowd.js';
import type { Figure } from './figures.js';

type Env = Record<string, string | undefined>;

/** How long those wait who come a thousand at a time, the asking on the same two cores; by hand too, as machines differ. */
async function thousand(what: string, url: string, byHand: string): Promise<Figure> {
  const hand = await crowd(byHand, 1_000, 10);
  const { p95, p99, perSecond, failed } = await crowd(url, 1_000, 10);
  return {
    what: `${what} at 1,000 connections`,
    measured: `P95 ${p95.toFixed(0)} ms, P99 ${p99.toFixed(0)} ms, ${perSecond.toFixed(0)}/s, ${failed} not answered (by hand P95 ${hand.p95.toFixed(0)} ms, ${hand.perSecond.toFixed(0)}/s)`,
    promise: 'P95 under 100 ms',
    met: p95 < 100 && failed === 0,
  };
}

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
    await thousand('a cached list', `${ours.url}/bench/page`, `${bare.url}/page`),
  ];
  await Promise.all([bare.end(), ours.end()]);
  return figures;
}
