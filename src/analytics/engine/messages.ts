export interface Column {
  name: string;
  type: string;
}

export type Cell = string | number | boolean | null;

/** How a process begins: with files that it may read, and nothing else. */
export interface Beginning {
  kind: 'begin';
  /** Of each dataset its files, all of one manifest. */
  files: Record<string, string[]>;
  scratch: string;
  memoryMb: number;
  threads: number;
}

export type Order =
  | Beginning
  /** `owner`: whose campaigns are seen; nobody's means all. */
  | { kind: 'open'; id: number; sql: string; owner: string | null; mostRows: number; mostBytes: number; as: 'rows' | 'columns' | 'parquet' }
  | { kind: 'next'; id: number }
  | { kind: 'close'; id: number }
  | { kind: 'interrupt' };

export type Told =
  | { kind: 'ready' }
  | { kind: 'batch'; id: number; columns?: Column[]; rows: Cell[][]; done: boolean; truncated: boolean }
  | { kind: 'written'; id: number; path: string }
  /** The question itself is to blame. */
  | { kind: 'refused'; id: number; why: string }
  | { kind: 'failed'; id: number; why: string };
