import { readFile } from 'node:fs/promises';

/** In which Linux counts, whatever machine it runs on. */
const TICK_MS = 10;
/** Of what the kernel tells of a process, from behind its name on. */
const [USER_TICKS, SYSTEM_TICKS] = [11, 12];

export interface Usage {
  memoryMb: number;
  /** Of the processor, since it began. */
  processorMs: number;
}

/** What a process takes; nothing where the system does not tell, or it is gone. */
export async function usageOf(pid: number | undefined): Promise<Usage | undefined> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
  const [status, stat] = await Promise.all([read('status'), read('stat')]);
  const memory = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (memory === undefined) return undefined;
  const numbers = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return { memoryMb: Number(memory) / 1_024, processorMs: (numbers[USER_TICKS]! + numbers[SYSTEM_TICKS]!) * TICK_MS };
}
