import { existsSync, lstatSync, realpathSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import type { Config } from '../config/config.js';
import { redisUrl } from './redis.js';
import { socketFolder } from './sockets.js';

const ASK_MS = 500;

/** The same configuration with the addresses of the private engines that run now. */
export async function withRunningEngines(config: Config): Promise<Config> {
  const wanted = { postgres: config.embedded.postgres && !config.DATABASE_URL, redis: config.embedded.redis && !config.REDIS_URL };
  if ((!wanted.postgres && !wanted.redis) || !existsSync(config.DATA_DIR)) return config;
  const dataDir = realpathSync(config.DATA_DIR);
  const sockets = socketFolder(dataDir);
  const data = join(dataDir, 'postgres');
  // A link: PostgreSQL and its socket had to move where another user reaches them.
  const moved = lstatSync(data, { throwIfNoEntry: false })?.isSymbolicLink() ? join(dirname(realpathSync(data)), 'run') : sockets;
  const found: Partial<Config> = {};
  if (wanted.postgres && (await accepts(join(moved, '.s.PGSQL.5432'))))
    found.DATABASE_URL = `postgres://postgres@localhost/mutirao?host=${encodeURIComponent(moved)}`;
  if (wanted.redis && (await accepts(join(sockets, 'queue.sock')))) found.REDIS_URL = redisUrl(sockets, 'queue');
  if (wanted.redis && !config.CACHE_REDIS_URL && (await accepts(join(sockets, 'cache.sock'))))
    found.CACHE_REDIS_URL = redisUrl(sockets, 'cache');
  return { ...config, ...found };
}

const accepts = (path: string) =>
  new Promise<boolean>((resolve) => {
    const link = connect(path);
    link.setTimeout(ASK_MS, () => link.destroy());
    link.once('connect', () => resolve(true));
    link.once('connect', () => link.destroy());
    link.once('error', () => undefined);
    link.once('close', () => resolve(false));
  });
