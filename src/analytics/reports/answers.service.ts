import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Caller } from '../../http/caller.js';
import { untilGone } from '../../http/until-gone.js';
import type { Format } from '../analytics.dto.js';
import { chartOf } from '../charts/chart.js';
import { stated } from '../charts/svg.js';
import { objectOf } from '../engine/columns.js';
import { Engines } from '../engine/engines.service.js';
import type { Column, FileFormat } from '../engine/messages.js';

const MOST_ROWS = 10_000;
const MOST_BYTES = 4 * 1_048_576;
const MOST_FILE_ROWS = 1_000_000;
const MOST_FILE_BYTES = 268_435_456;
/** Whoever takes nothing for twice as long is left. */
const STALLED_MS = 15_000;

const types: Record<FileFormat, string> = {
  csv: 'text/csv; charset=utf-8',
  jsonl: 'application/x-ndjson; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
};

/** Whose campaigns somebody sees: all of them, or his own. */
export const ownerOf = ({ id, role }: Caller): string | null => (role === 'admin' ? null : id);

/** Of the money in a table: gifts are reais, what AI costs are dollars. */
export const currencyOf = (columns: readonly Column[]): 'BRL' | 'USD' =>
  columns.some(({ name }) => name.endsWith('_nanos')) && !columns.some(({ name }) => name.endsWith('_cents')) ? 'USD' : 'BRL';

/** What came of a statement, whatever it was made for. */
@Injectable()
export class Answers {
  constructor(private readonly engines: Engines) {}

  async table(sql: string, owner: string | null, title: string, over?: AbortSignal) {
    const began = performance.now();
    const { columns, truncated, snapshotAt, ...found } = await this.engines.rows({
      ...{ sql, owner, over },
      ...{ mostRows: MOST_ROWS, mostBytes: MOST_BYTES },
    });
    const rows = found.rows.map((cells) => objectOf(columns, cells));
    const elapsedMs = Number((performance.now() - began).toFixed(1));
    const chart = chartOf(columns, rows, title, truncated);
    return { columns, rows, rowCount: rows.length, truncated, currency: currencyOf(columns), chart, snapshotAt, elapsedMs };
  }

  /** Instead of a table something to take away, which says itself whether all is in it. */
  async file(reply: FastifyReply, format: Exclude<Format, 'json'>, sql: string, owner: string | null, title: string, name: string) {
    const { signal: over } = untilGone(reply);
    if (format === 'svg') {
      const { chart, columns, rows, truncated } = await this.table(sql, owner, title, over);
      reply.type('image/svg+xml; charset=utf-8').header('x-truncated', String(truncated));
      return chart?.svg ?? stated(columns, rows, title);
    }
    const asked = { sql, owner, over, mostRows: MOST_FILE_ROWS, mostBytes: MOST_FILE_BYTES };
    const { bytes, size, truncated } = await this.engines.file(asked, format);
    reply.raw.setTimeout(STALLED_MS);
    reply
      .type(types[format])
      .header('content-disposition', `attachment; filename="${name}.${format}"`)
      .header('content-length', size)
      .header('x-truncated', String(truncated));
    return bytes;
  }
}
