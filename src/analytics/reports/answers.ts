import type { Column, Cell } from '../engine/messages.js';
import type { Row } from '../charts/chart.js';

/** Names that stand twice get a number, as an object has each once. */
export function namedOnce(columns: readonly Column[]): Column[] {
  const seen = new Map<string, number>();
  return columns.map(({ name, type }) => {
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    return { name: times === 0 ? name : `${name}_${times}`, type };
  });
}

export const rowsOf = (columns: readonly Column[], rows: readonly Cell[][]): Row[] =>
  rows.map((cells) => Object.fromEntries(columns.map(({ name }, index) => [name, cells[index] ?? null])));
