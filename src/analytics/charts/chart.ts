import type { Cell, Column } from '../engine/messages.js';
import { drawn } from './svg.js';
import { vegaLite } from './vega.js';

export type Row = Record<string, Cell>;

/** What is drawn: along one column, how high by another, in the colours of a third where there is one. */
export interface Plan {
  kind: 'line' | 'bar';
  x: string;
  y: string;
  series: string | undefined;
  /** By what the values are divided to be shown, and what they are then. */
  scale: number;
  unit: string;
  /** How much of the table it shows, where that is not all. */
  of: string | undefined;
  points: { x: string; y: number; series: string }[];
}

const MOST_POINTS = 1_000;
const MOST_BARS = 40;
const MOST_SERIES = 8;

const isNumber = ({ type }: Column) => /INT|DOUBLE|FLOAT|DECIMAL/.test(type);
const isTime = ({ type }: Column) => /^(DATE|TIMESTAMP)/.test(type);
const isId = ({ name }: Column) => name === 'id' || name.endsWith('_id');

export function planOf(columns: readonly Column[], rows: readonly Row[]): Plan | undefined {
  if (rows.length < 2) return undefined;
  const measures = columns.filter((column) => isNumber(column) && !['step', 'months_after', 'year', 'month', 'hour'].includes(column.name));
  const along =
    columns.find(isTime) ??
    columns.find((column) => !isNumber(column) && !isId(column)) ??
    columns.find((column) => isNumber(column) && !measures.includes(column));
  const high = measures.find(({ name }) => name.endsWith('_cents')) ?? measures.find(({ name }) => name.endsWith('_nanos')) ?? measures[0];
  if (!along || !high) return undefined;
  const kind = isTime(along) ? 'line' : 'bar';
  const other = columns.find(
    (column) => column !== along && column !== high && !isId(column) && (!isNumber(column) || column.name === 'months_after'),
  );
  const names = other ? [...new Set(rows.map((row) => row[other.name]))] : [];
  // Lines without their names would be one that jumps; bars are told apart by what they stand on.
  const series = other && (names.length <= MOST_SERIES || kind === 'line') ? other.name : undefined;
  const seen = new Set(names.slice(0, MOST_SERIES));
  const shown = (series === undefined ? rows : rows.filter((row) => seen.has(row[series] ?? null))).slice(
    0,
    kind === 'line' ? MOST_POINTS : MOST_BARS,
  );
  const [scale, unit] = high.name.endsWith('_cents') ? [100, 'R$'] : high.name.endsWith('_nanos') ? [1e9, 'US$'] : [1, ''];
  const points = shown.map((row) => ({
    x: String(row[along.name] ?? '–'),
    y: Number(row[high.name] ?? 0) / scale,
    series: series === undefined ? '' : String(row[series] ?? '–'),
  }));
  const of = shown.length < rows.length ? `${shown.length} / ${rows.length}` : undefined;
  return { kind, x: along.name, y: high.name, series, scale, unit, of, points };
}

/** Nothing where there is nothing to compare. */
export function chartOf(columns: readonly Column[], rows: readonly Row[], title: string): { spec: object; svg: string } | null {
  const plan = planOf(columns, rows);
  return plan ? { spec: vegaLite(plan, title), svg: drawn(plan, title) } : null;
}
