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
      const state = { over: false };
      const wiping = (async () => {
        while (!state.over) {
          // Where it stands still or is away there is nothing to wipe.
          await Promise.all(paths(ground).map((path) => tell(path, 'FLUSHALL').catch(() => undefined)));
          await pause(500);
        }
      })();
      return () => {
        state.over = true;
        return wiping;
      };
    },
  }),
  fault({
    name: 'Redis has no room left for 8 s',
    promise: 'nobody notices',
    ...{ seconds: 8, spares: everything, backSeconds: 1 },
    async inject(ground) {
      await Promise.all(paths(ground).map((path) => configure(path, { maxmemory: '1' })));
      return () =>
        Promise.all([
          configure(ground.site.paths.queue, { maxmemory: '256mb' }),
          configure(ground.site.paths.cache, { maxmemory: '64mb' }),
        ]);
    },
  }),
  fault({
    name: 'Redis of the queues throws out what it likes (allkeys-lru in 2 MB) for 8 s',
    promise: 'no work is forgotten; the instances say that they are not ready, and why',
    ...{ seconds: 8, spares: everything, backSeconds: 1 },
    async inject({ site, note }) {
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
