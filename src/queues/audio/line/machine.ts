import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';

/** What one engine may take at most. */
export const ENGINE_MEMORY_MB = 512;
/** Of all memory, what engines may take together. */
const MEMORY_PART = 0.5;
const MB = 1024 * 1024;

const GROUPS = '/sys/fs/cgroup';

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
};

const numbers = (text: string | undefined): number[] => (text ?? '').split(/\s+/).map(Number);

/** As much of the processor as this group of processes may have, and as much memory; all of it where nobody bounds it. */
export function allowance(groups = GROUPS): { cores: number; memoryBytes: number } {
  const [quota = Number.NaN, period = Number.NaN] = numbers(read(join(groups, 'cpu.max')));
  const [older = Number.NaN] = numbers(read(join(groups, 'cpu/cpu.cfs_quota_us')));
  const [olderPeriod = Number.NaN] = numbers(read(join(groups, 'cpu/cpu.cfs_period_us')));
  const memory = [join(groups, 'memory.max'), join(groups, 'memory/memory.limit_in_bytes')].map((file) => Number(read(file)));
  const least = (usual: number, ...told: number[]) => Math.min(usual, ...told.filter((value) => value > 0));
  return {
    cores: least(availableParallelism(), quota / period, older / olderPeriod),
    memoryBytes: least(totalmem(), ...memory),
  };
}

/** So many engines at once: one for each core, as far as memory goes, and never none. */
export const enginesAtOnce = ({ cores, memoryBytes } = allowance()): number =>
  Math.max(1, Math.min(Math.floor(cores), Math.floor((memoryBytes * MEMORY_PART) / (ENGINE_MEMORY_MB * MB))));
