import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../faults/harness/catalogue.js';
import { elsewhereTable } from '../faults/harness/document.js';
import { elsewhere } from '../faults/harness/elsewhere.js';

const document = readFileSync('docs/guarantees.md', 'utf8');
const namesIn = (text: string) => [...text.matchAll(/^\| (.*?) \|/gm)].map(([, name]) => name);

describe('docs/guarantees.md', () => {
  it('has a row for each fault of the harness, in their order', () => {
    const [first = ''] = document.split('## Faults with a test of their own');
    expect(namesIn(first).slice(2)).toEqual(catalogue.map(({ name }) => name));
  });

  it('has the faults that have a test of their own', () => expect(document).toContain(elsewhereTable()));

  it('names tests that exist', () => {
    const missing = elsewhere.filter(({ spec, test }) => !existsSync(spec) || !readFileSync(spec, 'utf8').includes(test));
    expect(missing).toEqual([]);
  });
});

it('the faults of the harness have names of their own, and lines that can be missed', () => {
  expect(new Set(catalogue.map(({ name }) => name)).size).toBe(catalogue.length);
  for (const { seconds, backSeconds, errors, p95Ms } of catalogue) {
    expect(seconds).toBeGreaterThanOrEqual(0);
    for (const line of [backSeconds, errors, p95Ms]) expect(line).toBeGreaterThan(0);
  }
});
