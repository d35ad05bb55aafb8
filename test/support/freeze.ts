import { readdirSync, readFileSync } from 'node:fs';

/** A signal to a process and to everything it started: a frozen PostgreSQL is one whose connections are frozen, too. */
export function signalTree(pid: number, signal: NodeJS.Signals): void {
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => [Number(name), parentOf(name)]),
  );
  const descends = (one: number): boolean => one === pid || ((parents.get(one) ?? 0) > 1 && descends(parents.get(one)!));
  for (const one of parents.keys()) if (descends(one)) send(one, signal);
}

function parentOf(pid: string): number {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}
