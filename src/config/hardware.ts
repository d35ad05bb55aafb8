import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, freemem, totalmem, uptime } from 'node:os';
import { join } from 'node:path';

/** What this system may use: of its container where that has bounds, else of the machine. */
export interface Hardware {
  /** May be a part of one. */
  cores: number;
  memoryBytes: number;
  from: { cores: 'container' | 'machine'; memory: 'container' | 'machine' };
}

const CONTROL_GROUPS = '/sys/fs/cgroup';
const MICROS = 1e6;
const NANOS = 1e9;
const MILLIS = 1e3;
/** Where there is no bound, the kernel tells a number beyond all memory. */
const isBound = (bytes: number) => bytes > 0 && bytes < totalmem();

function read(...path: string[]): string | undefined {
  const file = join(...path);
  try {
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  } catch {
    return undefined;
  }
}

const field = (text: string | undefined, name: string): number | undefined => {
  const found = new RegExp(`^${name}:?\\s+(\\d+)`, 'm').exec(text ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
};

/** Node counts the cores that it may run on, and knows nothing of a share of their time. */
function coresOfContainer(root: string): number | undefined {
  const [quota, period] = read(root, 'cpu.max')?.split(' ').map(Number) ?? [
    Number(read(root, 'cpu', 'cpu.cfs_quota_us') ?? NaN),
    Number(read(root, 'cpu', 'cpu.cfs_period_us') ?? NaN),
  ];
  return quota && period && quota > 0 ? quota / period : undefined;
}

function memoryOfContainer(root: string): number | undefined {
  const bytes = Number(read(root, 'memory.max') ?? read(root, 'memory', 'memory.limit_in_bytes') ?? NaN);
  return isBound(bytes) ? bytes : undefined;
}

export function hardware(root = CONTROL_GROUPS): Hardware {
  const machine = availableParallelism();
  const cores = Math.min(coresOfContainer(root) ?? Infinity, machine);
  const memory = memoryOfContainer(root);
  return {
    cores,
    memoryBytes: memory ?? totalmem(),
    from: { cores: cores < machine ? 'container' : 'machine', memory: memory === undefined ? 'machine' : 'container' },
  };
}

/** Time of processors since the beginning: what was used of it, and what there was. Both only grow, so that two looks tell the load between. */
export function processorTime(root = CONTROL_GROUPS): { busySeconds: number; allSeconds: number } {
  const { cores, from } = hardware(root);
  const own = field(read(root, 'cpu.stat'), 'usage_usec') ?? Number(read(root, 'cpuacct', 'cpuacct.usage') ?? NaN) / (NANOS / MICROS);
  if (from.cores === 'container' && Number.isFinite(own)) return { busySeconds: own / MICROS, allSeconds: uptime() * cores };
  const all = cpus();
  const busy = all.reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  return { busySeconds: busy / MILLIS, allSeconds: uptime() * all.length };
}

/** Part of the memory that is taken; what the kernel only keeps of files it gives back when it is asked. */
export function memoryTaken(root = CONTROL_GROUPS): number {
  const { memoryBytes, from } = hardware(root);
  if (from.memory === 'container') {
    const used = Number(read(root, 'memory.current') ?? read(root, 'memory', 'memory.usage_in_bytes') ?? NaN);
    const stat = read(root, 'memory.stat') ?? read(root, 'memory', 'memory.stat');
    const files = field(stat, 'total_inactive_file') ?? field(stat, 'inactive_file') ?? 0;
    if (Number.isFinite(used)) return Math.max(0, used - files) / memoryBytes;
  }
  const available = field(read('/proc/meminfo'), 'MemAvailable');
  return 1 - (available === undefined ? freemem() : available * 1_024) / totalmem();
}

/** A request process of this system with all it holds under load. */
const WORKER_BYTES = 320 * 1024 * 1024;
/** For whoever else lives here: the supervisor, the background process, private engines. */
const OTHERS = 0.25;

/** Request processes for `WORKERS=auto`: as many as cores, and no more than the memory bears. */
export function workersFor({ cores, memoryBytes }: Pick<Hardware, 'cores' | 'memoryBytes'>): {
  count: number;
  because: 'cores' | 'memory';
} {
  const byCores = Math.max(1, Math.floor(cores));
  const byMemory = Math.max(1, Math.floor((memoryBytes * (1 - OTHERS)) / WORKER_BYTES));
  return byMemory < byCores ? { count: byMemory, because: 'memory' } : { count: byCores, because: 'cores' };
}

/** Resident memory above which a process is replaced before the kernel would end one: its share of what there is. */
export const memoryCeiling = ({ memoryBytes }: Pick<Hardware, 'memoryBytes'>, processes: number): number =>
  Math.max(WORKER_BYTES, Math.floor((memoryBytes * (1 - OTHERS)) / processes));
