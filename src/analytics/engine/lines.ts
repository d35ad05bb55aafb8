import { stringify } from 'csv-stringify/sync';
import { objectOf } from './columns.js';
import type { Cell, Column } from './messages.js';

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

export interface Lines {
  head: string;
  of: (rows: readonly Cell[][]) => string;
}

/** A table as text to take away. */
export const linesOf = (format: 'csv' | 'jsonl', columns: readonly Column[]): Lines =>
  format === 'csv'
    ? { head: `\ufeff${stringify([columns.map(({ name }) => name)], csv)}`, of: (rows) => stringify([...rows], csv) }
    : { head: '', of: (rows) => rows.map((cells) => `${JSON.stringify(objectOf(columns, cells))}\n`).join('') };
