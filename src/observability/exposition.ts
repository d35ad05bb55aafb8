import { type Family, labelled, type Row } from './figures.js';

/** The format of Prometheus in which it is said. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export const exposition = (families: readonly Family[]): string => families.map(told).join('');

function told(family: Family): string {
  const { name, help, type, rows } = family;
  const lines =
    type === 'histogram' ? rows.flatMap((row) => histogram(family, row)) : rows.map(([labels, [value = 0]]) => line(name, labels, value));
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function histogram({ name, bounds = [] }: Family, [labels, values]: Row): string[] {
  let count = 0;
  const buckets = [...bounds.map(String), '+Inf'].map((le, at) => {
    count += values[at] ?? 0;
    return line(`${name}_bucket`, [labels, labelled({ le })].filter(Boolean).join(), count);
  });
  return [...buckets, line(`${name}_sum`, labels, values[bounds.length + 1] ?? 0), line(`${name}_count`, labels, count)];
}

const line = (name: string, labels: string, value: number) => `${name}${labels && `{${labels}}`} ${value}\n`;
