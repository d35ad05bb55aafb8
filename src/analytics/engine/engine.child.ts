import { rmSync } from 'node:fs';
import { StatementType, type DuckDBConnection } from '@duckdb/node-api';
import { tables } from '../datasets/derived.js';
import { answered } from './answer.js';
import { namedOnce } from './columns.js';
import { lockedDown, viewsFor } from './lockdown.js';
import type { Opening, Order, Told } from './messages.js';
import { objectionTo, type Serialized } from './parse-tree.js';

// What a question does wrong; the rest is ours.
const THEIRS =
  /^(Binder|Catalog|Parser|Conversion|Out of Range|Invalid Input|Invalid Type|Mismatch Type|Out of Memory|INTERRUPT|Not implemented|Syntax|Constraint)/i;
const PATH = /(?:\/[\w.=@%+-]+){2,}/g;
/** Of semicolons at the end, with what is said beside them. */
const MOST_ENDS = 8;
const INTERRUPT_AGAIN_MS = 50;

let connection: DuckDBConnection | undefined;
let scratch = '';
let busy = false;
let again: NodeJS.Timeout | undefined;
/** Whose views there are; making them anew opens all files. */
let seenBy: string | null | undefined;

const tell = (told: Told): void => void process.send?.(told);

/** Some statements cannot be told as JSON: those with a number beyond all bounds, say. */
async function treeOf(duck: DuckDBConnection, sql: string): Promise<Serialized> {
  const parsed = await duck.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR, skip_null := true, skip_empty := true)', [sql]);
  try {
    return JSON.parse(String(parsed.getRows()[0]?.[0])) as Serialized;
  } catch {
    return { error: true, error_message: 'a number in it is too large' };
  }
}

/** The same without semicolons at its end, so that it fits into another. */
async function bareOf(duck: DuckDBConnection, sql: string, tree: Serialized): Promise<string> {
  const same = JSON.stringify(tree);
  let bare = sql;
  for (let end = 0; end < MOST_ENDS; end += 1) {
    const shorter = bare.slice(0, Math.max(0, bare.lastIndexOf(';')));
    if (shorter === '' || JSON.stringify(await treeOf(duck, shorter)) !== same) break;
    bare = shorter;
  }
  return bare;
}

async function open(order: Opening): Promise<Told> {
  if (!connection) throw new Error('it has not begun');
  const { id, owner, as } = order;
  const tree = await treeOf(connection, order.sql);
  const why = objectionTo(tree, Object.keys(tables));
  if (why !== undefined) return { kind: 'refused', id, why };
  if (owner !== seenBy) {
    seenBy = undefined;
    await connection.run(viewsFor(owner));
    seenBy = owner;
  }
  const sql = await bareOf(connection, order.sql, tree);
  const statements = await connection.extractStatements(sql);
  const statement = await statements.prepare(0);
  if (statements.count !== 1 || statement.statementType !== StatementType.SELECT)
    return { kind: 'refused', id, why: 'Only one SELECT may be asked.' };
  const columns = namedOnce(
    Array.from({ length: statement.columnCount }, (_, index) => ({
      name: statement.columnName(index),
      type: String(statement.columnType(index)),
    })),
  );
  if (as === 'columns') return { kind: 'rows', id, columns, rows: [], truncated: false };
  return answered(connection, scratch, { ...order, sql }, columns, tell);
}

async function obey(order: Exclude<Order, { kind: 'interrupt' }>): Promise<Told> {
  if (order.kind === 'open') return open(order);
  ({ scratch } = order);
  connection = await lockedDown(order);
  return { kind: 'ready' };
}

/** Again and again until the question has ended: one that comes before its query runs is not heard. */
function interrupt(): void {
  if (!busy) return;
  connection?.interrupt();
  clearTimeout(again);
  again = setTimeout(interrupt, INTERRUPT_AGAIN_MS);
}

process.on('message', (order: Order) => {
  if (order.kind === 'interrupt') return interrupt();
  busy = true;
  const id = 'id' in order ? order.id : 0;
  const failed = (fault: unknown): Told => {
    const said =
      (fault instanceof Error ? fault.message : String(fault))
        .split('\n\n')[0]
        ?.replaceAll(PATH, '…')
        .replaceAll(/\s+/g, ' ')
        .slice(0, 500) ?? '';
    return { kind: THEIRS.test(said) ? 'refused' : 'failed', id, why: said };
  };
  void obey(order)
    .catch(failed)
    .then((told) => {
      busy = false;
      clearTimeout(again);
      tell(told);
    });
});
// Whoever asked is gone, and takes away nothing any more. An orderly end would wait for the query that runs, which nobody ends now.
process.on('disconnect', () => {
  if (scratch !== '') rmSync(scratch, { recursive: true, force: true });
  process.kill(process.pid, 'SIGKILL');
});
