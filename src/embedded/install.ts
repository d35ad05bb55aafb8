import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { pause } from '../kernel/waiting.js';
import type { Environment } from '../config/config.js';
import type { Log } from '../observability/log.js';
import { ofSystem, onPath, SYSTEM } from './programs.js';

const SERVERS = ['redis-server', 'valkey-server'];
const PATIENCE = 5_000;
const GIVE_UP_MS = 3_000;

/** The Redis program of this machine, installed first where that may be done. */
export async function redisProgram(env: Environment, log: Log, signal: AbortSignal): Promise<string | undefined> {
  const present = onPath(SERVERS, env.PATH);
  if (present !== undefined) return present;
  const apt = onPath(['apt-get'], env.PATH);
  if (apt === undefined || process.getuid?.() !== 0) {
    log.warn(`No redis-server or valkey-server on PATH: starting degraded, without queues and shared caches. ${advice(apt)}`);
    return undefined;
  }
  const atOnce = env.MUTIRAO_INSTALL === '1' || env.CI === 'true';
  log.warn(`No redis-server or valkey-server on PATH: installing it with apt-get${atOnce ? '' : ' in 5 s; Ctrl-C stops this'}`);
  if (!atOnce) await pause(PATIENCE, signal);
  signal.throwIfAborted();
  const fault = await install(apt, env, signal);
  signal.throwIfAborted();
  const installed = fault === undefined ? ofSystem(SERVERS) : undefined;
  if (installed === undefined) log.warn(`Redis could not be installed (${fault ?? 'no program came'}): starting degraded. ${advice(apt)}`);
  return installed;
}

const advice = (apt: string | undefined) =>
  apt === undefined
    ? 'To get it: install Redis 6.2 or later so that redis-server is on PATH, then start again.'
    : 'To get it: sudo apt-get install -y --no-install-recommends redis-server; then start again.';

async function install(apt: string, env: Environment, signal: AbortSignal): Promise<string | undefined> {
  const run = (...args: string[]) =>
    finished(
      apt,
      [...args, '-q', '-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=10', '-o', 'DPkg::Lock::Timeout=60'],
      env,
      signal,
    );
  const wanted = ['install', '-y', '--no-install-recommends', 'redis-server'];
  if (hasLists() && (await run(...wanted)) === undefined) return undefined;
  if (signal.aborted) return 'stopped';
  return (await run('update')) ?? (await run(...wanted));
}

const hasLists = () => {
  try {
    return readdirSync('/var/lib/apt/lists').some((name) => name.includes('_Packages'));
  } catch {
    return false;
  }
};

function finished(program: string, args: string[], given: Environment, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    // The two variables keep the package's own service from being started: ours are private.
    const env = { ...given, PATH: SYSTEM.join(':'), DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1', SYSTEMD_OFFLINE: '1' };
    const child = spawn(program, args, { stdio: ['ignore', 2, 2], env });
    let kill: NodeJS.Timeout | undefined;
    const stop = () => {
      child.kill('SIGINT');
      kill = setTimeout(() => child.kill('SIGKILL'), GIVE_UP_MS);
    };
    signal.addEventListener('abort', stop);
    child.once('error', (fault) => resolve(fault.message));
    child.once('exit', (code, ended) => {
      signal.removeEventListener('abort', stop);
      clearTimeout(kill);
      resolve(code === 0 ? undefined : `apt-get ${args[0]} ended with ${ended ?? `code ${code}`}`);
    });
  });
}
