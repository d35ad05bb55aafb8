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

export const isNumber = ({ type }: Column) => /INT|DOUBLE|FLOAT|DECIMAL/.test(type);
const isTime = ({ type }: Column) => /^(DATE|TIMESTAMP)/.test(type);
const isId = ({ name }: Column) => name === 'id' || name.endsWith('_id');

export function planOf(columns: readonly Column[], rows: readonly Row[], isCut: boolean): Plan | undefined {
  if (rows.length < 2) return undefined;
  const measures = columns.filter(
    (column) => isNumber(column) && !['step', 'months_after', 'year', 'month', 'hour', 'weekday'].includes(column.name),
  );
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
  const shown = rows
    .filter((row) => (series === undefined || seen.has(row[series] ?? null)) && (kind === 'bar' || isMoment(row[along.name])))
    .slice(0, kind === 'line' ? MOST_POINTS : MOST_BARS);
  if (shown.length === 0) return undefined;
  const [scale, unit] = high.name.endsWith('_cents') ? [100, 'R$'] : high.name.endsWith('_nanos') ? [1e9, 'US$'] : [1, ''];
  const wordsOf = (row: Row) =>
    [along, ...(other && series === undefined && kind === 'bar' ? [other] : [])].map(({ name }) => String(row[name] ?? '–'));
  const points = shown.map((row) => ({
    x: wordsOf(row).join(', '),
    y: Number(row[high.name] ?? 0) / scale,
    series: series === undefined ? '' : String(row[series] ?? '–'),
  }));
  const of = shown.length < rows.length || isCut ? `${shown.length} / ${rows.length}${isCut ? '+' : ''}` : undefined;
  const placed = kind === 'line' ? points.sort((one, next) => Date.parse(one.x) - Date.parse(next.x)) : toldApart(points);
  return { kind, x: along.name, y: high.name, series, scale, unit, of, points: placed };
}

/** What is of no day, or of one beyond all time, has no place in a line. */
const isMoment = (value: Cell | undefined): boolean => Number.isFinite(Date.parse(String(value)));

/** Bars of one name would be added up by whoever draws them from the spec. */
function toldApart(points: Plan['points']): Plan['points'] {
  const times = new Map<string, number>();
  return points.map((point) => {
    const name = JSON.stringify([point.x, point.series]);
    const nth = (times.get(name) ?? 0) + 1;
    times.set(name, nth);
    return nth === 1 ? point : { ...point, x: `${point.x} (${nth})` };
  });
}

/** Nothing where there is nothing to compare. */
export function chartOf(
  columns: readonly Column[],
  rows: readonly Row[],
  title: string,
  isCut: boolean,
): { spec: object; svg: string } | null {
  const plan = planOf(columns, rows, isCut);
  return plan ? { spec: vegaLite(plan, title), svg: drawn(plan, title) } : null;
}
