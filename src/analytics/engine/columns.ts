import type { Cell, Column } from './messages.js';

/** Names that stand more than once get a number, one that no other has: an object has each once. */
export function namedOnce(columns: readonly Column[]): Column[] {
  const taken = new Set(columns.map(({ name }) => name));
  const seen = new Set<string>();
  return columns.map(({ name, type }) => {
    let own = name;
    for (let times = 1; seen.has(own) || (own !== name && taken.has(own)); times += 1) own = `${name}_${times}`;
    seen.add(own);
    return { name: own, type };
  });
}

export const objectOf = (columns: readonly Column[], cells: readonly Cell[]): Record<string, Cell> =>
  Object.fromEntries(columns.map(({ name }, index) => [name, cells[index] ?? null]));
