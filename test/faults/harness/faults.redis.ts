import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pause } from '../../../src/kernel/waiting.js';
import { eventually } from '../../support/lab.js';
import { everything, fault, type Ground } from './fault.js';

const paths = ({ site }: Ground) => [site.paths.queue, site.paths.cache];

async function tell(path: string, ...words: [string, ...string[]]): Promise<unknown> {
  const client = new Redis({ path, lazyConnect: true, retryStrategy: null });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await client.call(...words);
  } finally {
    client.disconnect();
  }
}

const configure = (path: string, settings: Record<string, string>) => tell(path, 'CONFIG', 'SET', ...Object.entries(settings).flat());

/** How often it has refused a command for want of room. */
async function refusals(path: string): Promise<number> {
  const told = String(await tell(path, 'INFO', 'errorstats'));
  return Number(/errorstat_OOM:count=(\d+)/.exec(told)?.[1] ?? 0);
}

/** The file of the queues that grows at present. */
function newestFile(dataDir: string): string {
  const folder = join(dataDir, 'redis-queue', 'appendonlydir');
  const file = readdirSync(folder).find((name) => name.endsWith('.incr.aof'));
  if (file === undefined) throw new Error(`no file of appended commands in ${folder}`);
  return join(folder, file);
}

export const redisFaults = [
  fault({
    name: 'Redis is wiped, again and again for 6 s',
    promise: 'nobody notices, and no work is forgotten',
    ...{ seconds: 6, spares: everything, backSeconds: 1, near: true, mixes: true },
    async inject(ground) {
      const state = { over: false, wiped: 0, away: 0 };
      const wipe = (path: string) =>
        tell(path, 'FLUSHALL').then(
          () => (state.wiped += 1),
          // Another fault may have ended it, or made it stand still.
          () => (state.away += 1),
        );
      const wiping = (async () => {
        while (!state.over) {
          await Promise.all(paths(ground).map(wipe));
          await pause(500);
        }
      })();
      return async () => {
        state.over = true;
        await wiping;
        ground.note(`wiped ${state.wiped} times${state.away > 0 ? `, ${state.away} times it was away` : ''}`);
        if (state.wiped === 0) throw new Error('it was never wiped');
      };
    },
  }),
  fault({
    name: 'Redis has no room left for 8 s',
    promise: 'nobody notices',
    ...{ seconds: 8, spares: everything, backSeconds: 1 },
    async inject(ground) {
      const { queue, cache } = ground.site.paths;
      const before = await refusals(queue);
      await Promise.all(paths(ground).map((path) => configure(path, { maxmemory: '1' })));
      return async () => {
        const refused = (await refusals(queue)) - before;
        await Promise.all([configure(queue, { maxmemory: '256mb' }), configure(cache, { maxmemory: '64mb' })]);
        ground.note(`Redis of the queues refused ${refused} writes`);
        if (refused === 0) throw new Error('nothing was refused');
      };
    },
  }),
  fault({
    name: 'Redis of the queues throws out what it likes (allkeys-lru in 2 MB) for 8 s',
    promise: 'no work is forgotten; the instances say that they are not ready, and why',
    ...{ seconds: 8, spares: everything, backSeconds: 1 },
    async inject({ site, note, well }) {
      await configure(site.paths.queue, { 'maxmemory-policy': 'allkeys-lru', maxmemory: '2mb' });
      const unready = () => Promise.all(site.instances.map((instance) => instance.isReady()));
      const told = eventually(unready, (ready) => !ready.includes(true), 20_000);
      told.catch(() => undefined);
      return async () => {
        try {
          await told;
        } finally {
          // Else whatever is drilled next meets it, too.
          await configure(site.paths.queue, { 'maxmemory-policy': 'noeviction', maxmemory: '256mb' });
          well();
        }
        note('both instances said so');
        await eventually(unready, (ready) => !ready.includes(false), 20_000);
      };
    },
  }),
  fault({
    name: 'Redis of the queues is killed, and the last third of its file is gone',
    promise: 'nobody notices, and no work is forgotten',
    ...{ seconds: 0, spares: everything, backSeconds: 1 },
    async inject({ site, note }) {
      const before = site.engines.redisPid ?? 0;
      const file = newestFile(site.engines.dataDir);
      process.kill(before, 'SIGKILL');
      const { size } = statSync(file);
      truncateSync(file, Math.floor((size * 2) / 3));
      note(`${Math.round(size / 3)} bytes were cut off`);
      return () =>
        eventually(
          () => tell(site.paths.queue, 'PING').catch(() => undefined),
          (answer) => answer === 'PONG',
        );
    },
  }),
];
