import { newId } from '../../../src/kernel/ids.js';
import { pause } from '../../../src/kernel/waiting.js';
import { Connection } from '../../load/connection.js';
import { startEngines } from '../../support/engines.js';
import { eventually } from '../../support/lab.js';
import { send } from './asking.js';
import { connected, done, everything, fault, type Ground } from './fault.js';

const KEPT = 1_000;
const KEPT_THINK_MS = 4_000;
/** nginx leaves a server alone for three seconds after it failed. */
const BETWEEN_MS = 5_000;
const BOOTS = 5;
const MOST_BOOT_MS = 60_000;
const MOST_FAILED = 0.001;

/** So many who keep their connections to nginx, each with an address of his own, and ask now and then. */
async function keptConnections({ site, draw }: Ground) {
  const state = { over: false, asked: 0, failed: 0, met: new Map<string, number>() };
  const fail = (what: string) => {
    state.failed += 1;
    state.met.set(what, (state.met.get(what) ?? 0) + 1);
  };
  const one = async (n: number) => {
    const from = `x-forwarded-for: 198.20.${n >> 8}.${n & 255}\r\n`;
    await pause(KEPT_THINK_MS * draw());
    let connection: Connection | undefined;
    while (!state.over) {
      state.asked += 1;
      try {
        // Where nginx has no answer at hand: it is the instances that are stopped.
        if (!connection?.isOpen) connection = await Connection.to(site.url, 30_000);
        const { status, body } = await connection.ask('GET', `/api/v1/plans?fresh=${newId()}`, from);
        if (status !== 200) fail(`${status} ${/"code":"(\w+)"/.exec(body.toString())?.[1] ?? ''}`);
      } catch (fault) {
        fail(fault instanceof Error ? fault.message : String(fault));
        connection?.close();
      }
      await pause(KEPT_THINK_MS * (0.5 + draw()));
    }
    connection?.close();
  };
  const all = Array.from({ length: KEPT }, (_, n) => one(n));
  await eventually(
    () => Promise.resolve(state.asked),
    (asked) => asked >= KEPT,
  );
  return async () => {
    state.over = true;
    await Promise.all(all);
    return state;
  };
}

async function migratedTwice(databaseUrl: string): Promise<string[]> {
  const client = await connected(databaseUrl);
  try {
    const { rows } = await client.query<{ name: string }>('SELECT name FROM migrations GROUP BY name HAVING count(*) > 1');
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

async function bootAll({ site, note }: Ground) {
  const name = `boots_${newId().replaceAll('-', '')}`;
  await site.rows(`CREATE DATABASE ${name}`);
  const databaseUrl = new URL(site.engines.databaseUrl);
  databaseUrl.pathname = `/${name}`;
  const redis = await startEngines({ postgres: false });
  const own = {
    DATABASE_URL: databaseUrl.href,
    REDIS_URL: redis.redisUrl,
    CACHE_REDIS_URL: redis.cacheRedisUrl,
    WORKERS: '1',
    PGPOOL_MAX_CONNECTIONS: '5',
  };
  const began = performance.now();
  const all = await Promise.all(Array.from({ length: BOOTS }, () => site.another(own)));
  try {
    await Promise.all(all.map(({ instance }) => instance.start()));
    const tookMs = performance.now() - began;
    note(`all were ready after ${Math.round(tookMs / 1_000)} s`);
    if (tookMs > MOST_BOOT_MS) throw new Error(`they were ready after ${Math.round(tookMs / 1_000)} s`);
    const ready = await Promise.all(all.map(({ instance }) => instance.isReady()));
    if (ready.includes(false)) throw new Error('not all are ready');
    const twice = await migratedTwice(databaseUrl.href);
    if (twice.length > 0) throw new Error(`more than once: ${twice.join()}`);
  } finally {
    await Promise.all(all.map(({ stop }) => stop()));
    await redis.stop();
    await site.rows(`DROP DATABASE ${name} WITH (FORCE)`);
  }
}

export const startFaults = [
  fault({
    name: `both instances are stopped (SIGTERM) and started, one after the other, with ${KEPT} kept connections`,
    promise: 'no request fails',
    ...{ seconds: 1, spares: everything, backSeconds: 1 },
    async inject(ground) {
      const enough = await keptConnections(ground);
      for (const instance of ground.site.instances) {
        await instance.restart();
        await pause(BETWEEN_MS);
      }
      return async () => {
        const { asked, failed, met } = await enough();
        ground.note(`on kept connections ${failed} of ${asked} failed`);
        if (failed > asked * MOST_FAILED)
          throw new Error(`on kept connections ${[...met].map(([what, times]) => `${times} × ${what}`).join(', ')}`);
      };
    },
  }),
  fault({
    name: `${BOOTS} instances start at once on one empty database`,
    promise: 'all are ready, and each migration ran once; others notice nothing',
    ...{ seconds: 1, spares: everything, backSeconds: 60 },
    async inject(ground) {
      await bootAll(ground);
      return done;
    },
  }),
  fault({
    name: 'an instance starts while Redis is away',
    promise: 'it is ready, serves, and says that it is degraded until Redis is there',
    ...{ seconds: 1, spares: everything, backSeconds: 30 },
    async inject({ site, note }) {
      const { instance, links, stop } = await site.another({ WORKERS: '1' });
      await Promise.all([links.queue.behave('refuse'), links.cache.behave('refuse')]);
      try {
        await instance.start();
        const { status } = await instance.health();
        const direct = `http://127.0.0.1:${instance.port}`;
        const read = await send(direct, { path: '/api/v1/campaigns', address: '198.51.100.7' });
        note(`it was ${status} and answered ${read.status}`);
        if (status !== 'degraded' || read.status !== 200) throw new Error(`it was ${status} and answered ${read.status}`);
        await Promise.all([links.queue.behave('well'), links.cache.behave('well')]);
        await eventually(
          () => instance.health(),
          (now) => now.status === 'ok',
        );
      } finally {
        await stop();
      }
      return done;
    },
  }),
];
