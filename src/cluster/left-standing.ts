import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { send } from '../embedded/leftovers.js';
import { pause } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';

const MARK = 'MUTIRAO_SUPERVISOR';
const LOOK_MS = 20;

/** What each process carries of whoever started it. */
export const markOf = (folder: string): Record<string, string> => ({ [MARK]: `${process.pid} ${folder}` });

/**
 * Ends processes of this data folder that stand still (SIGSTOP) and whose supervisor is gone. All others see that it went and end by
 * themselves; these cannot, and keep their clients waiting. None is taken for ours by its number: its own environment says who
 * started it, and whoever has another parent by now was left.
 */
export async function endLeftStanding(folder: string, log: Log, signal: AbortSignal): Promise<void> {
  if (process.platform !== 'linux') return;
  const left = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && wasLeft(entry, folder));
  if (left.length === 0) return;
  log.warn({ pids: left.map(Number) }, 'ending processes that an earlier run left standing still');
  for (const pid of left) send(Number(pid), 'SIGKILL');
  while (left.some((pid) => wasLeft(pid, folder))) {
    await pause(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}

function wasLeft(pid: string, folder: string): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    if (!/^State:\tT/m.test(status)) return false;
    // Beyond, in another container, numbers are others.
    if (readlinkSync(`/proc/${pid}/ns/pid`) !== readlinkSync('/proc/self/ns/pid')) return false;
    const parent = /^PPid:\t(\d+)$/m.exec(status)?.[1];
    const told = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    const mark = told.find((line) => line.startsWith(`${MARK}=`));
    return mark !== undefined && mark.endsWith(` ${folder}`) && mark !== `${MARK}=${parent} ${folder}`;
  } catch {
    // It ended meanwhile, or is somebody else's.
    return false;
  }
}
