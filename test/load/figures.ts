import { readdirSync, readFileSync } from 'node:fs';

export interface Figure {
  what: string;
  measured: string;
  promise: string;
  met: boolean;
}

export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** User and system seconds of these processes, of all that descend from them, and of what those have buried. */
export function cpuSeconds(pids: readonly number[]): number {
  const parents = new Map<number, number>();
  const ticks = new Map<number, number>();
  for (const pid of readdirSync('/proc').map(Number).filter(Number.isInteger)) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      parents.set(pid, fields[1] ?? 0);
      ticks.set(
        pid,
        fields.slice(11, 15).reduce((sum, value) => sum + value, 0),
      );
    } catch {
      // It ended while we looked.
    }
  }
  const belongs = (pid: number): boolean => pids.includes(pid) || (pid > 1 && belongs(parents.get(pid) ?? 0));
  return [...ticks].filter(([pid]) => belongs(pid)).reduce((sum, [, value]) => sum + value, 0) / 100;
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
