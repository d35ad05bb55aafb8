import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Caller } from '../../http/caller.js';
import { Refusal } from '../../kernel/problems.js';
import type { Format } from '../analytics.dto.js';
import { chartOf } from '../charts/chart.js';
import { Engines } from '../engine/engines.service.js';
import { namedOnce, rowsOf } from './answers.js';
import { attach, sendLines } from './formats.js';

const MOST_ROWS = 10_000;
const MOST_BYTES = 4 * 1_048_576;
const MOST_FILE_ROWS = 1_000_000;
const MOST_FILE_BYTES = 1_073_741_824;

/** Whose campaigns somebody sees: all of them, or his own. */
export const ownerOf = ({ id, role }: Caller): string | null => (role === 'admin' ? null : id);

/** What came of a statement, whatever it was made for. */
@Injectable()
export class Answers {
  constructor(private readonly engines: Engines) {}

  async table(sql: string, owner: string | null, title: string) {
    const began = performance.now();
    const found = await this.engines.rows({ sql, owner, mostRows: MOST_ROWS, mostBytes: MOST_BYTES });
    const columns = namedOnce(found.columns);
    const rows = rowsOf(columns, found.rows);
    const { truncated, snapshotAt } = found;
    const elapsedMs = Number((performance.now() - began).toFixed(1));
    return { columns, rows, rowCount: rows.length, truncated, chart: chartOf(columns, rows, title), snapshotAt, elapsedMs };
  }

  /** Instead of a table something to take away. */
  async file(reply: FastifyReply, format: Exclude<Format, 'json'>, sql: string, owner: string | null, title: string, name: string) {
    if (format === 'parquet') {
      const bytes = await this.engines.parquet({ sql, owner });
      attach(reply, 'application/vnd.apache.parquet', `${name}.parquet`);
      return bytes;
    }
    if (format !== 'svg')
      return sendLines(
        reply,
        await this.engines.stream({ sql, owner, mostRows: MOST_FILE_ROWS, mostBytes: MOST_FILE_BYTES }),
        format,
        name,
      );
    const { chart } = await this.table(sql, owner, title);
    if (!chart) throw new Refusal('not_found', 'There is nothing to draw: it takes two rows at least, with something to compare.');
    reply.type('image/svg+xml; charset=utf-8');
    return chart.svg;
  }
}
