import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { cellOf } from './cells.js';
import type { Cell, Column, FileFormat, Opening, Told } from './messages.js';

const ANSWER = 'temp.main.answer';
const WHOLE = new Set(['HUGEINT', 'UHUGEINT']);
const FIXED = /^(BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)|DATE|TIME.*|INTERVAL|UUID)$/;

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
    if (as === 'rows' || as === 'columns') return { kind: 'rows', id, columns, ...(await rowsOf(connection, order, columns)) };
    return { kind: 'written', id, ...(await fileOf(connection, scratch, order, as, columns)) };
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

/** Written by DuckDB itself, many times as fast as by this language. */
async function fileOf(connection: DuckDBConnection, scratch: string, order: Opening, format: FileFormat, columns: Column[]) {
  const path = join(scratch, `${randomUUID()}.${format}`);
  const many = await countOf(connection);
  const rows = Math.min(many, order.mostRows, await fitting(connection, columns, order.mostBytes));
  const told = columns.map(
    ({ name, type }, index) => `${writtenAs(nameOf(index), type, format)} AS ${quoted(format === 'csv' ? harmless(name) : name)}`,
  );
  await connection.run(`COPY (SELECT ${told.join(', ')} FROM ${ANSWER} LIMIT ${rows}) TO '${path}' (${means[format]})`);
  return { path, truncated: rows < many };
}

const means: Record<FileFormat, string> = {
  csv: 'FORMAT csv, HEADER',
  jsonl: 'FORMAT json',
  parquet: 'FORMAT parquet, COMPRESSION zstd',
};

/** What a table calculator would take for a formula. */
const FORMULA = '^[=+\\-@\\t\\r\uff1d\uff0b\uff0d\uff20]';

const harmless = (name: string) => (new RegExp(FORMULA).test(name) ? `'${name}` : name);

function writtenAs(column: string, type: string, format: FileFormat): string {
  // None of these files has a place for larger ones that all would read alike.
  if (WHOLE.has(type)) return `${column}::BIGINT`;
  if (format === 'parquet') return column;
  const text = `${column}::VARCHAR`;
  const ifFinite = (then: string, otherwise: string) => `CASE WHEN isfinite(${column}) THEN ${then} ELSE ${otherwise} END`;
  if (type === 'DOUBLE' || type === 'FLOAT') return ifFinite(column, 'NULL');
  if (type === 'TIMESTAMP') return ifFinite(`replace(${text}, ' ', 'T') || 'Z'`, text);
  if (type === 'TIMESTAMP WITH TIME ZONE') return ifFinite(`strftime(${column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%gZ')`, text);
  if (type === 'VARCHAR' && format === 'csv')
    return `CASE WHEN regexp_matches(${column}, '${FORMULA}') THEN '''' || ${column} ELSE ${column} END`;
  return column;
}

/** How many rows of the usual width fit into so many bytes. */
async function fitting(connection: DuckDBConnection, columns: Column[], mostBytes: number): Promise<number> {
  const widths = columns.map(({ type }, index) => (FIXED.test(type) ? '20' : `coalesce(strlen(${nameOf(index)}::VARCHAR), 0) + 3`));
  const read = await connection.runAndReadAll(`SELECT avg(${widths.join(' + ')}) FROM ${ANSWER}`);
  return Math.floor(mostBytes / Math.max(1, Number(read.getRows()[0]?.[0] ?? 1)));
}
