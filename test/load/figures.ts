import { readdirSync, readFileSync } from 'node:fs';

export interface Figure {
  what: string;
  measured: string;
  promise: string;
  met: boolean;
}

export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Of each process: who began it, and the hundredths of a second that it and those that it has buried have taken. */
function processes(): Map<number, { parent: number; ticks: number }> {
  const found = new Map<number, { parent: number; ticks: number }>();
  for (const pid of readdirSync('/proc').map(Number).filter(Number.isInteger)) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      found.set(pid, { parent: fields[1] ?? 0, ticks: fields.slice(11, 15).reduce((sum, value) => sum + value, 0) });
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** These, and all that descend from them. */
export function familyOf(pids: readonly number[], all = processes()): number[] {
  const belongs = (pid: number): boolean => pids.includes(pid) || (pid > 1 && belongs(all.get(pid)?.parent ?? 0));
  return [...all.keys()].filter(belongs);
}

/** User and system seconds of these processes, of all that descend from them, and of what those have buried. */
export function cpuSeconds(pids: readonly number[]): number {
  const all = processes();
  return familyOf(pids, all).reduce((sum, pid) => sum + (all.get(pid)?.ticks ?? 0), 0) / 100;
}

/** Resident memory of all of them together: what several share counts once. */
export function sharedMb(pids: readonly number[]): number {
  const of = (pid: number) => {
    try {
      return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
    } catch {
      return 0;
    }
  };
  return pids.reduce((sum, pid) => sum + of(pid), 0) / 1_024;
}

export const residentMb = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

export function table(figures: readonly Figure[]): string {
  const rows = [
    ['what', 'measured', 'promise', ''],
    ...figures.map(({ what, measured, promise, met }) => [what, measured, promise, met ? 'met' : 'MISSED']),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
