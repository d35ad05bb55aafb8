/** How the figures of several processes become one: added up, the greatest of them, or each for itself. */
export type Join = 'sum' | 'most' | 'each';

/** Labels as they are shown, and values: one, or of a histogram one for each bound, one beyond, and their sum. */
export type Row = readonly [labels: string, values: readonly number[]];

/** One thing that is measured. */
export interface Family {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  join: Join;
  bounds?: readonly number[];
  rows: readonly Row[];
}

/** What one process measured. */
export interface Part {
  process: string;
  families: readonly Family[];
}

/** What a process and its supervisor say to each other of it. */
export type FiguresAsked = { kind: 'measure'; round: number; system: boolean } | ({ kind: 'measured' } & Gathered);
export type FiguresTold =
  | { kind: 'gather' }
  | { kind: 'figures'; round: number; families: readonly Family[] }
  | { kind: 'last figures'; families: readonly Family[] };

export interface Gathered {
  parts: readonly Part[];
  asked: number;
  /** Processes that did not answer in time. */
  silent: number;
}

type Values = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];

const rowsOf = (values: number | Values): Row[] =>
  typeof values === 'number' ? [['', [values]]] : values.map(([labels, value]) => [labelled(labels), [value]]);

export const counter = (name: string, help: string, values: number | Values): Family => ({
  name,
  help,
  type: 'counter',
  join: 'sum',
  rows: rowsOf(values),
});

export const gauge = (name: string, help: string, values: number | Values, join: Join = 'sum'): Family => ({
  name,
  help,
  type: 'gauge',
  join,
  rows: rowsOf(values),
});

const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');

export const labelled = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join();

/** What stays of a process that is gone or silent: what was counted was counted. */
export const lasting = (families: readonly Family[]): Family[] => families.filter(({ type }) => type !== 'gauge');

/** The figures of all. */
export function added(parts: readonly Part[]): Family[] {
  const all = new Map<string, { family: Family; rows: Map<string, readonly number[]> }>();
  for (const { process, families } of parts)
    for (const family of families) {
      const { rows } = all.get(family.name) ?? opened(all, family);
      for (const [labels, values] of family.rows) {
        const name = family.join === 'each' ? [labelled({ process }), labels].filter(Boolean).join() : labels;
        rows.set(name, joined(family.join, rows.get(name), values));
      }
    }
  return [...all.values()].map(({ family, rows }) => ({ ...family, rows: [...rows] }));
}

function opened<T>(all: Map<string, { family: Family; rows: Map<string, T> }>, family: Family) {
  const one = { family, rows: new Map<string, T>() };
  all.set(family.name, one);
  return one;
}

function joined(join: Join, before: readonly number[] | undefined, values: readonly number[]): readonly number[] {
  if (!before || join === 'each') return values;
  return before.map((value, at) => (join === 'most' ? Math.max(value, values[at] ?? 0) : value + (values[at] ?? 0)));
}
