export interface Column {
  name: string;
  type: string;
}

export type Cell = string | number | boolean | null;

export type FileFormat = 'csv' | 'jsonl' | 'parquet';

/** How a process begins: with files that it may read, and nothing else. */
export interface Beginning {
  kind: 'begin';
  /** Of each dataset its files, all of one manifest. */
  files: Record<string, string[]>;
  scratch: string;
  memoryMb: number;
  threads: number;
}

export interface Opening {
  kind: 'open';
  id: number;
  sql: string;
  /** Whose campaigns are seen; nobody's means all. */
  owner: string | null;
  mostRows: number;
  mostBytes: number;
  as: 'rows' | 'columns' | FileFormat;
}

export type Order = Beginning | Opening | { kind: 'interrupt' };

export type Told =
  | { kind: 'ready' }
  /** The query has ended; what is left is to write down what came of it. */
  | { kind: 'laid'; id: number }
  | { kind: 'rows'; id: number; columns: Column[]; rows: Cell[][]; truncated: boolean }
  | { kind: 'written'; id: number; path: string; truncated: boolean }
  /** The question itself is to blame. */
  | { kind: 'refused'; id: number; why: string }
  | { kind: 'failed'; id: number; why: string };
