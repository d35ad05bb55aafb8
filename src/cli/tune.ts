import { availableParallelism, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { CannotTune, compare } from './tune-compare.js';
import { tuningSql, usual, type Machine } from './tuning.js';

const USAGE = 64;
const MEGABYTE = 1024 * 1024;
const LEAST_MB = 512;

const usage = `Expected: npm run tune -- [--memory 8GB|auto] [--cores 4|auto] [--connections 200] [--role mutirao] [--compare] [--seconds 10] [--scale 20]`;

/** Prints what PostgreSQL should be told on a machine; with --compare what that gains, on a private server that is thrown away. */
export async function runTune(words: string[], path: string | undefined, out: (line: string) => void): Promise<number> {
  let asked;
  try {
    asked = read(words);
  } catch (fault) {
    out(`${(fault as Error).message}\n${usage}`);
    return USAGE;
  }
  const { machine, role, extent, compares } = asked;
  if (!compares) {
    out(tuningSql(machine, role).trimEnd());
    return 0;
  }
  try {
    await compare(machine, extent, path, out);
    return 0;
  } catch (fault) {
    if (!(fault instanceof CannotTune)) throw fault;
    out(fault.message);
    return 1;
  }
}

function read(words: string[]) {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: words,
    options: {
      memory: text,
      cores: text,
      connections: text,
      role: text,
      seconds: text,
      scale: text,
      compare: { type: 'boolean', default: false },
    },
  });
  const number = (name: string, given: string | undefined, fallback: number, [least, most]: [number, number]) => {
    const value = given === undefined ? fallback : Number(given);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new Error(`--${name}: expected a whole number from ${least} to ${most}, got ${given}`);
    return value;
  };
  // A comparison is of this machine, unless another is named.
  const here = values.compare ? 'auto' : undefined;
  const cores = values.cores ?? here;
  const machine: Machine = {
    memoryMb: memoryOf(values.memory ?? here),
    cores: cores === 'auto' ? availableParallelism() : number('cores', cores, usual.cores, [1, 1_024]),
    connections: number('connections', values.connections, usual.connections, [20, 5_000]),
  };
  return {
    machine,
    role: values.role ?? 'mutirao',
    extent: { seconds: number('seconds', values.seconds, 10, [1, 3_600]), scale: number('scale', values.scale, 20, [1, 10_000]) },
    compares: values.compare,
  };
}

function memoryOf(given: string | undefined): number {
  if (given === undefined) return usual.memoryMb;
  if (given === 'auto') return Math.max(LEAST_MB, Math.floor(Math.min(process.constrainedMemory() || Infinity, totalmem()) / MEGABYTE));
  const [, amount, unit] = /^(\d{1,6})(MB|GB)$/i.exec(given) ?? [];
  const mb = Number(amount) * (unit?.toUpperCase() === 'GB' ? 1_024 : 1);
  if (!(mb >= LEAST_MB)) throw new Error(`--memory: expected an amount from ${LEAST_MB}MB such as 16GB, or auto, got ${given}`);
  return mb;
}
