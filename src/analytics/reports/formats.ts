import { once } from 'node:events';
import { Readable } from 'node:stream';
import { stringify } from 'csv-stringify/sync';
import type { FastifyReply } from 'fastify';
import type { Cell, Column } from '../engine/messages.js';
import type { RowStream } from '../engine/engines.service.js';
import { namedOnce } from './answers.js';

/** Whoever takes nothing for twice as long is left, so that he does not keep the process of his question. */
const STALLED_MS = 15_000;

const csv = {
  escape_formulas: true,
  record_delimiter: 'windows',
  quote_record_delimiter: true,
  cast: {
    boolean: String,
    // A sign is no formula.
    number: (value: number) => ({ value: String(value), escape_formulas: false }),
  },
} as const;

async function* csvOf({ columns, batches, leave }: RowStream): AsyncGenerator<string, void, void> {
  try {
    yield `\ufeff${stringify([namedOnce(columns).map(({ name }) => name)], csv)}`;
    for await (const rows of batches) if (rows.length > 0) yield stringify(rows, csv);
  } finally {
    leave();
  }
}

/** A line for each row. */
async function* jsonLinesOf({ columns, batches, leave }: RowStream): AsyncGenerator<string, void, void> {
  const names = namedOnce(columns);
  try {
    for await (const rows of batches) yield rows.map((row) => `${objectText(names, row)}\n`).join('');
  } finally {
    leave();
  }
}

const objectText = (columns: readonly Column[], cells: readonly Cell[]) =>
  JSON.stringify(Object.fromEntries(columns.map(({ name }, index) => [name, cells[index] ?? null])));

/** A file to take away. */
export const attach = (reply: FastifyReply, type: string, name: string): FastifyReply =>
  reply.type(type).header('content-disposition', `attachment; filename="${name}"`);

export async function sendLines(reply: FastifyReply, stream: RowStream, format: 'csv' | 'jsonl', name: string): Promise<Readable> {
  const lines = Readable.from(format === 'csv' ? csvOf(stream) : jsonLinesOf(stream));
  // What fails before the first line can still become a problem; and from here on its end is known, whoever leaves.
  await Promise.race([once(lines, 'readable'), once(lines, 'end')]);
  reply.raw.setTimeout(STALLED_MS);
  attach(reply, format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8', `${name}.${format}`);
  return lines;
}
