import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import type { Log } from '../observability/log.js';
import { pause } from '../kernel/waiting.js';

interface Process {
  pid: number;
  command: string;
}

/** Both engines, also under the titles they give themselves. */
const engineName = /^(\S*|\/.*\/)(postgres|redis-server|valkey-server)(:| |$)/;
/** A process of Postgres that serves its postmaster. */
const subordinate = /^postgres: /;

/**
 * Ends what a dead supervisor left running in an engine's folder. The caller holds the lock of DATA_DIR,
 * so nobody else's engine can be working there.
 */
export async function endLeftovers(folder: string, log: Log, stopping: AbortSignal): Promise<void> {
  const stages: [afterMs: number, signal: NodeJS.Signals][] = [
    [0, 'SIGINT'],
    [4_000, 'SIGQUIT'],
    [6_000, 'SIGKILL'],
  ];
  const began = Date.now();
  for (;;) {
    const found = enginesIn(folder);
    if (found.length === 0) return;
    const [due, signal] = stages[0] ?? [10_000, undefined];
    if (Date.now() - began >= due) {
      if (signal === undefined) throw new Error(`Processes ${found.map(({ pid }) => pid).join(', ')} use ${folder} and do not end`);
      stages.shift();
      const heads = found.filter(({ command }) => !subordinate.test(command));
      const targets = signal === 'SIGINT' && heads.length > 0 ? heads : found;
      log.warn({ pids: targets.map(({ pid }) => pid), folder, signal }, 'ending engine processes that an earlier run left');
      for (const { pid } of targets) send(pid, signal);
    }
    await pause(25, stopping);
    stopping.throwIfAborted();
  }
}

/** Engines whose working folder is `folder`. Both move into theirs, which proves them ours as no pid file could. */
export function enginesIn(folder: string): Process[] {
  if (!existsSync(folder)) return [];
  if (process.platform !== 'linux') return listed().filter(({ command }) => engineName.test(command) && command.includes(folder));
  const { dev, ino } = statSync(folder);
  const net = readlinkSync('/proc/self/ns/net');
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
    .flatMap((pid) => {
      try {
        const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        if (!engineName.test(program)) return [];
        // The lock of DATA_DIR reaches as far as the network namespace: an engine beyond may have a living supervisor.
        if (readlinkSync(`/proc/${pid}/ns/net`) !== net) return [];
        const home = statSync(`/proc/${pid}/cwd`);
        return home.dev === dev && home.ino === ino ? [{ pid, command: [program, ...args].join(' ') }] : [];
      } catch {
        return [];
      }
    });
}

function listed(): Process[] {
  return execFileSync('ps', ['-axww', '-o', 'pid=,command='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^\s*(\d+) (.*)$/.exec(line))
    .flatMap((match) => (match ? [{ pid: Number(match[1]), command: match[2] ?? '' }] : []));
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code === 'EPERM';
  }
}
