import { randomUUID } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { cellOf } from './cells.js';
import { linesOf } from './lines.js';
import type { Cell, Column, Opening, Told } from './messages.js';

const ANSWER = 'temp.main.answer';
/** Parquet has no such numbers and would make them inexact ones. */
const WHOLE = new Set(['HUGEINT', 'UHUGEINT']);

const nameOf = (index: number) => `c${index}`;
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

/**
 * What came of a question, laid down whole before anything of it is told: where a query that is read as it runs fails in the
 * middle, the driver says no more than that there are no further rows.
 */
export async function answered(
  connection: DuckDBConnection,
  scratch: string,
  order: Opening,
  columns: Column[],
  tell: (told: Told) => void,
): Promise<Told> {
  const { id, sql, as, mostRows } = order;
  const names = columns.map((_, index) => nameOf(index)).join(', ');
  await connection.run(`CREATE OR REPLACE TEMP TABLE answer AS SELECT * FROM (${sql}\n) AS asked(${names}) LIMIT ${mostRows + 1}`);
  tell({ kind: 'laid', id });
  try {
    if (as === 'parquet') return { kind: 'written', id, ...(await parquetOf(connection, scratch, columns, mostRows)) };
    if (as === 'csv' || as === 'jsonl') return { kind: 'written', id, ...(await textOf(connection, scratch, order, as, columns)) };
    return { kind: 'rows', id, columns, ...(await rowsOf(connection, order, columns)) };
  } finally {
    await connection.run(`DROP TABLE ${ANSWER}`);
  }
}

const countOf = async (connection: DuckDBConnection): Promise<number> =>
  Number((await connection.runAndReadAll(`SELECT count(*) FROM ${ANSWER}`)).getRows()[0]?.[0]);

/** Piece by piece until `take` has enough. */
async function read(connection: DuckDBConnection, mostRows: number, take: (rows: Cell[][]) => boolean): Promise<{ truncated: boolean }> {
  const many = await countOf(connection);
  const result = await connection.stream(`SELECT * FROM ${ANSWER} LIMIT ${mostRows}`);
  for (let seen = 0; seen < Math.min(many, mostRows);) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) throw new Error('INTERRUPT: the answer was not read to its end');
    seen += chunk.rowCount;
    if (!take(chunk.getRows().map((row) => row.map(cellOf)))) return { truncated: true };
  }
  return { truncated: many > mostRows };
}

async function rowsOf(connection: DuckDBConnection, { mostRows, mostBytes }: Opening, columns: Column[]) {
  const rows: Cell[][] = [];
  // Each row is told with the names of its columns.
  const names = columns.reduce((sum, { name }) => sum + bytesOf(name) + 1, 0);
  let bytes = 0;
  const told = await read(connection, mostRows, (some) => {
    for (const cells of some) {
      bytes += names + bytesOf(cells);
      if (bytes > mostBytes) return false;
      rows.push(cells);
    }
    return true;
  });
  return { rows, ...told };
}

async function textOf(
  connection: DuckDBConnection,
  scratch: string,
  { mostRows, mostBytes }: Opening,
  format: 'csv' | 'jsonl',
  columns: Column[],
) {
  const path = join(scratch, `${randomUUID()}.${format}`);
  const file = openSync(path, 'wx');
  try {
    const lines = linesOf(format, columns);
    let bytes = writeSync(file, lines.head);
    const told = await read(connection, mostRows, (some) => {
      const text = Buffer.from(lines.of(some));
      bytes += text.length;
      if (bytes > mostBytes) return false;
      writeSync(file, text);
      return true;
    });
    return { path, ...told };
  } finally {
    closeSync(file);
  }
}

async function parquetOf(connection: DuckDBConnection, scratch: string, columns: Column[], mostRows: number) {
  const path = join(scratch, `${randomUUID()}.parquet`);
  const told = columns.map(({ name, type }, index) => `${nameOf(index)}${WHOLE.has(type) ? '::BIGINT' : ''} AS ${quoted(name)}`);
  await connection.run(`COPY (SELECT ${told.join(', ')} FROM ${ANSWER} LIMIT ${mostRows}) TO '${path}' (FORMAT parquet, COMPRESSION zstd)`);
  return { path, truncated: (await countOf(connection)) > mostRows };
}
