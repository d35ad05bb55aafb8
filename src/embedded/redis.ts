import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeFolder } from './folders.js';
import type { Log } from '../observability/log.js';
import type { EnginePlan } from './engine.js';

interface RedisKind {
  name: string;
  socket: string;
  folder: string;
  settings: Record<string, string>;
}

const kinds = {
  queue: {
    name: 'Redis for queues',
    socket: 'queue.sock',
    folder: 'redis-queue',
    settings: { appendonly: 'yes', appendfsync: 'everysec', maxmemory: '256mb', 'maxmemory-policy': 'noeviction', save: '' },
  },
  cache: {
    name: 'Redis for caches',
    socket: 'cache.sock',
    folder: 'redis-cache',
    settings: { appendonly: 'no', maxmemory: '64mb', 'maxmemory-policy': 'allkeys-lru', save: '' },
  },
} satisfies Record<string, RedisKind>;

export const redisUrl = (sockets: string, kind: keyof typeof kinds): string =>
  pathToFileURL(join(sockets, kinds[kind].socket)).href.replace('file:', 'unix:');

export function redisPlan(program: string, dataDir: string, sockets: string, kind: keyof typeof kinds, log: Log): EnginePlan {
  const { name, settings } = kinds[kind];
  const socket = join(sockets, kinds[kind].socket);
  const folder = join(dataDir, kinds[kind].folder);
  const given = { port: '0', unixsocket: socket, unixsocketperm: '700', dir: folder, daemonize: 'no', ...settings };
  return {
    name,
    folder,
    logFile: join(dataDir, `${kinds[kind].folder}.log`),
    prepare() {
      makeFolder(folder);
      rmSync(socket, { force: true });
      return Promise.resolve({
        program,
        argv0: 'redis-server',
        args: Object.entries(given).flatMap(([key, value]) => [`--${key}`, value]),
      });
    },
    isReady: () => pong(socket),
    mend(lastLines) {
      if (!existsSync(folder) || readdirSync(folder).length === 0) return false;
      const aside = `${folder}.unreadable`;
      rmSync(aside, { recursive: true, force: true });
      renameSync(folder, aside);
      log.warn(
        { engine: name, aside, lastLines },
        `${name} does not start with what it stored, which is put aside: nothing in it is the only copy`,
      );
      return true;
    },
  };
}

function pong(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const link = connect(socket);
    link.setTimeout(1_000, () => link.destroy());
    link.once('connect', () => link.write('PING\r\n'));
    link.once('data', (answer) => {
      resolve(answer.toString().startsWith('+PONG'));
      link.destroy();
    });
    link.once('error', () => undefined);
    link.once('close', () => resolve(false));
  });
}
