import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
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
    | { kind: 'write'; lines: string; columns: Record<string, ColumnType>; folder: string }
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

/** A process of its own for what is heavy, with nothing in its environment. */
async function ordered(order: WriterOrder, signal: AbortSignal): Promise<WriterAnswer> {
  const child = fork(programAt('./datasets/writer.child.js'), [JSON.stringify(order)], {
    env: {},
    execArgv: ['--max-old-space-size=128'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const gone = once(child, 'exit');
  const end = () => child.kill('SIGKILL');
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  let answer: WriterAnswer | undefined;
  child.on('message', (told: WriterAnswer) => (answer = told));
  try {
    await gone;
  } finally {
    end();
    signal.removeEventListener('abort', end);
  }
  signal.throwIfAborted();
  if (!answer || answer.fault !== undefined) throw new Error(`Parquet was not written: ${answer?.fault ?? 'its process ended'}`);
  return answer;
}

/**
 * Of lines as PostgreSQL's COPY gives them as CSV. They lie on the disk for a moment: there DuckDB reads them with all its threads,
 * and no pipe is left in the middle where one of its ends dies.
 */
export async function writeParquet(
  lines: Readable,
  order: Means & { columns: Record<string, ColumnType>; folder: string },
  signal: AbortSignal,
): Promise<WrittenFile[]> {
  const path = `${order.folder}.csv`;
  try {
    await pipeline(lines, createWriteStream(path));
    signal.throwIfAborted();
    return (await ordered({ kind: 'write', ...order, lines: path }, signal)).files ?? [];
  } finally {
    await rm(path, { force: true });
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
