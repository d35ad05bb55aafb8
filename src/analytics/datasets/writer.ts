import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { programAt } from '../programs.js';
import type { ParquetFile } from './manifest.js';
import type { ColumnType } from './published.js';

interface Means {
  threads: number;
  memory: string;
  /** Where it puts what does not fit into its memory. */
  scratch: string;
}

export interface SummedTable {
  files: string[];
  sums: Record<string, string>;
}

export type WriterOrder = Means &
  (
    | { kind: 'write'; pipe: string; columns: Record<string, ColumnType>; part: string; folder: string }
    | { kind: 'sum'; tables: SummedTable[] }
    | { kind: 'derive'; name: string; of: Record<string, string[]>; file: string }
  );

export type WrittenFile = ParquetFile & { part: string };
/** Of one file, by the names of the sums. */
export type FileSums = { filename: string } & Record<string, string | number>;
export interface WriterAnswer {
  files?: WrittenFile[];
  sums?: FileSums[];
  fault?: string;
}

export interface Lines {
  stream: Readable;
  /** When whoever told them is free for something else, or gone. */
  freed: Promise<unknown>;
}

/** A process of its own for what is heavy, with nothing in its environment. Lines are asked for when somebody hears their end. */
async function ordered(order: WriterOrder, signal: AbortSignal, lines?: () => Lines): Promise<WriterAnswer> {
  const child = fork(programAt('./datasets/writer.child.js'), [JSON.stringify(order)], {
    env: {},
    execArgv: ['--max-old-space-size=128'],
    stdio: [lines ? 'pipe' : 'ignore', 'ignore', 'inherit', 'ipc'],
  });
  const gone = once(child, 'exit');
  const end = () => child.kill('SIGKILL');
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  let answer: WriterAnswer | undefined;
  child.on('message', (words: WriterAnswer) => (answer = words));
  // Lines that ended before their end look whole to who reads them.
  const told = lines?.();
  const read = told && child.stdin ? pipeline(told.stream, child.stdin).catch((fault: unknown) => (end(), String(fault))) : undefined;
  try {
    await gone;
  } finally {
    end();
    signal.removeEventListener('abort', end);
  }
  signal.throwIfAborted();
  const cut = await read;
  if (cut !== undefined && answer?.fault === undefined) throw new Error(`Parquet was not written: ${cut}`);
  if (!answer || answer.fault !== undefined) throw new Error(`Parquet was not written: ${answer?.fault ?? 'its process ended'}`);
  await told?.freed;
  return answer;
}

/**
 * Of lines as PostgreSQL's COPY gives them as CSV, while they come. DuckDB reads files and named pipes, not what a process of Node
 * inherits; both ends of the pipe are in that one process, so that none waits for another that is dead.
 */
export async function writeParquet(
  lines: () => Lines,
  order: Means & { columns: Record<string, ColumnType>; part: string; folder: string },
  signal: AbortSignal,
): Promise<WrittenFile[]> {
  const pipe = `${order.folder}.csv`;
  await promisify(execFile)('mkfifo', [pipe]);
  try {
    return (await ordered({ kind: 'write', ...order, pipe }, signal, lines)).files ?? [];
  } finally {
    await rm(pipe);
  }
}

/** Of each file its rows and the sums of its table. */
export async function sumParquet(order: Means & { tables: SummedTable[] }, signal: AbortSignal): Promise<FileSums[]> {
  return (await ordered({ kind: 'sum', ...order }, signal)).sums ?? [];
}

/** A table that is made of others, given by their files. */
export async function deriveParquet(
  order: Means & { name: string; of: Record<string, string[]>; file: string },
  signal: AbortSignal,
): Promise<ParquetFile[]> {
  return (await ordered({ kind: 'derive', ...order }, signal)).files ?? [];
}
