import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import type { Log } from '../observability/log.js';
import { pause } from '../kernel/waiting.js';

interface Process {
  pid: number;
  /** What it was started as, or the title it gave itself. */
  program: string;
  command: string;
}

const engineName = /(^|\/)(postgres|redis-server|valkey-server)(:| |$)/;
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
  const began = performance.now();
  for (;;) {
    const found = enginesIn(folder);
    if (found.length === 0) return;
    const [due, signal] = stages[0] ?? [10_000, undefined];
    if (performance.now() - began >= due) {
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

function enginesIn(folder: string): Process[] {
  return existsSync(folder) ? processes().filter((each) => worksIn(each, folder)) : [];
}

/** Engines move into their folder, which proves them ours as no pid file could. */
function worksIn({ pid, program, command }: Process, folder: string): boolean {
  if (!engineName.test(program)) return false;
  if (process.platform !== 'linux') return command.includes(folder);
  try {
    // The lock of DATA_DIR reaches as far as the network namespace: an engine beyond may have a living supervisor.
    if (readlinkSync(`/proc/${pid}/ns/net`) !== readlinkSync('/proc/self/ns/net')) return false;
    const [home, ours] = [statSync(`/proc/${pid}/cwd`), statSync(folder)];
    return home.dev === ours.dev && home.ino === ours.ino;
  } catch (fault) {
    // Root without CAP_SYS_PTRACE may not look at what runs as nobody, but for the command line.
    return (fault as NodeJS.ErrnoException).code === 'EACCES' && command.includes(folder);
  }
}

/** Whether a pid file's number belongs to a living process that is no engine of `folder`. */
export function isForeign(pid: number, folder: string): boolean {
  const holder = processes().find((each) => each.pid === pid);
  return holder !== undefined && !worksIn(holder, folder);
}

function processes(): Process[] {
  return process.platform === 'linux' ? readdirSync('/proc').flatMap(processOf) : listed();
}

function processOf(entry: string): Process[] {
  if (!/^\d+$/.test(entry)) return [];
  try {
    const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
    // A dead process that waits for its burial has no command line any more.
    return command[0] ? [{ pid: Number(entry), program: command[0], command: command.join(' ') }] : [];
  } catch {
    return [];
  }
}

function listed(): Process[] {
  return execFileSync('ps', ['-axww', '-o', 'pid=,command='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^\s*(\d+) ((\S+).*)$/.exec(line))
    .flatMap((match) => (match ? [{ pid: Number(match[1]), command: match[2]!, program: match[3]! }] : []));
}

export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}
