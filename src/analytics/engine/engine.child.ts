import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { StatementType, type DuckDBConnection, type DuckDBResult } from '@duckdb/node-api';
import { tables } from '../datasets/derived.js';
import { cellOf } from './cells.js';
import { lockedDown, viewsFor } from './lockdown.js';
import type { Column, Order, Told } from './messages.js';
import { objectionTo, type Serialized } from './parse-tree.js';

type Opened = Extract<Order, { kind: 'open' }>;

interface Cursor {
  order: Opened;
  result: DuckDBResult;
  columns: Column[] | undefined;
  rows: number;
  bytes: number;
}

// What a question does wrong; the rest is ours.
const THEIRS =
  /^(Binder|Catalog|Parser|Conversion|Out of Range|Invalid Input|Invalid Type|Mismatch Type|Out of Memory|INTERRUPT|Not implemented|Syntax|Constraint)/i;
const PATH = /(?:\/[\w.=@%+-]+){2,}/g;

let connection: DuckDBConnection | undefined;
let scratch = '';
let cursor: Cursor | undefined;
/** Whose views there are; making them anew opens all files. */
let seenBy: string | null | undefined;

const tell = (told: Told) => process.send?.(told);

/** Some statements cannot be told as JSON: those with a number beyond all bounds, say. */
async function treeOf(duck: DuckDBConnection, sql: string): Promise<Serialized> {
  const parsed = await duck.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR, skip_null := true, skip_empty := true)', [sql]);
  try {
    return JSON.parse(String(parsed.getRows()[0]?.[0])) as Serialized;
  } catch {
    return { error: true, error_message: 'a number in it is too large' };
  }
}

async function open(order: Opened): Promise<void> {
  if (!connection) throw new Error('it has not begun');
  cursor = undefined;
  const { id, sql, owner, as } = order;
  const why = objectionTo(await treeOf(connection, sql), Object.keys(tables));
  if (why !== undefined) return void tell({ kind: 'refused', id, why });
  if (owner !== seenBy) {
    seenBy = undefined;
    await connection.run(viewsFor(owner));
    seenBy = owner;
  }
  const statements = await connection.extractStatements(sql);
  const statement = await statements.prepare(0);
  if (statements.count !== 1 || statement.statementType !== StatementType.SELECT)
    return void tell({ kind: 'refused', id, why: 'Only one SELECT may be asked.' });
  const columns = Array.from({ length: statement.columnCount }, (_, index) => ({
    name: statement.columnName(index),
    type: String(statement.columnType(index)),
  }));
  if (as === 'columns') return void tell({ kind: 'batch', id, columns, rows: [], done: true, truncated: false });
  if (as === 'parquet') {
    const path = join(scratch, `${randomUUID()}.parquet`);
    await connection.run(
      `COPY (SELECT * FROM (${sql.replace(/;\s*$/, '')}\n) LIMIT ${order.mostRows}) TO '${path}' (FORMAT parquet, COMPRESSION zstd)`,
    );
    return void tell({ kind: 'written', id, path });
  }
  cursor = { order, result: await statement.stream(), columns, rows: 0, bytes: 0 };
  await next();
}

/** One chunk, of which nothing is kept. */
async function next(): Promise<void> {
  if (!cursor) return;
  const { order, result, columns } = cursor;
  const chunk = await result.fetchChunk();
  const rows: ReturnType<typeof cellOf>[][] = [];
  let truncated = false;
  for (const row of chunk?.getRows() ?? []) {
    const cells = row.map(cellOf);
    cursor.bytes += JSON.stringify(cells).length;
    truncated = cursor.rows >= order.mostRows || cursor.bytes > order.mostBytes;
    if (truncated) break;
    cursor.rows += 1;
    rows.push(cells);
  }
  cursor.columns = undefined;
  const done = truncated || !chunk || chunk.rowCount === 0;
  if (done) cursor = undefined;
  tell({ kind: 'batch', id: order.id, ...(columns && { columns }), rows, done, truncated });
}

async function obey(order: Order): Promise<void> {
  if (order.kind === 'begin') {
    ({ scratch } = order);
    connection = await lockedDown(order);
    tell({ kind: 'ready' });
  } else if (order.kind === 'open') await open(order);
  else if (order.kind === 'next') await next();
  else if (order.kind === 'close') cursor = undefined;
  else connection?.interrupt();
}

process.on('message', (order: Order) => {
  const id = 'id' in order ? order.id : 0;
  obey(order).catch((fault: unknown) => {
    cursor = undefined;
    const said =
      (fault instanceof Error ? fault.message : String(fault))
        .split('\n\n')[0]
        ?.replaceAll(PATH, '…')
        .replaceAll(/\s+/g, ' ')
        .slice(0, 500) ?? '';
    tell({ kind: THEIRS.test(said) ? 'refused' : 'failed', id, why: said });
  });
});
// Whoever asked is gone, and takes away nothing any more.
process.on('disconnect', () => {
  if (scratch !== '') rmSync(scratch, { recursive: true, force: true });
  process.exit();
});
