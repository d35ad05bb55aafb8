import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { environmentFaults, lengthFaults, wayRoundFaults } from './plainness.js';
import { readSources, type Source } from './sources.js';

const src = readSources('src');
const all = [...src, ...readSources('test', 'scripts', 'ormconfig.ts', 'vitest.config.ts', 'eslint.config.js')];
const file = (text: string, path = 'src/kernel/sample.ts'): Source => ({ path, text });

describe('files stay short', () => {
  it('holds', () => expect(lengthFaults(all)).toEqual([]));
  it('counts lines', () => expect(lengthFaults([file('x;\n'.repeat(301))])).toEqual(['src/kernel/sample.ts: 301 lines']));
  it('takes 300', () => expect(lengthFaults([file('x;\n'.repeat(300))])).toEqual([]));
});

describe('the environment is read in one place', () => {
  it('holds', () => expect(environmentFaults(src)).toEqual([]));
  it.each(['const p = process.env.PORT;', 'const { env } = process;', "import { env } from 'node:process';", "process['env'];"])(
    'finds %s',
    (text) => expect(environmentFaults([file(text)])).toHaveLength(1),
  );
  it.each(['src/config/config.ts', 'src/main.ts', 'src/cluster.ts', 'src/cli/doctor.ts'])('leaves it to %s', (path) =>
    expect(environmentFaults([file('process.env;', path)])).toEqual([]),
  );
});

describe('nobody goes round the compiler, the linter or the tests', () => {
  it('holds', () => expect(wayRoundFaults(all)).toEqual([]));
  it.each([
    'const x: any = 1;',
    'const x = y as Map<string, any>;',
    '// @ts-ignore',
    '/* eslint-disable no-console */',
    'it.only("x", () => 1);',
    'describe.skip("x", () => 1);',
    'it.skip.each([1])("x", () => 1);',
    'it.todo("x");',
  ])('finds %s', (text) => expect(wayRoundFaults([file(text)])).toHaveLength(1));
  it.each(['query.skip(10);', "const word = 'any';", '// any number will do'])('lets %s be', (text) =>
    expect(wayRoundFaults([file(text)])).toEqual([]),
  );
});

it('every dependency has one exact version', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, Record<string, string>>;
  const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
  expect(loose).toEqual([]);
});
