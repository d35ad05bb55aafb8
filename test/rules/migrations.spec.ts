import { describe, expect, it } from 'vitest';
import ts from 'typescript';
import { readSources, treeOf, walk, type Source } from './sources.js';

/** From here on a version runs beside the one before it. */
const SINCE = 1_766_000_000_000;
/** What the version before would fall over: its columns and tables stay as it knows them until no instance of it is left. */
const takes =
  /\b(?:DROP\s+(?:TABLE|COLUMN|TYPE)|RENAME|ALTER\s+(?:COLUMN\s+)?\w+\s+(?:SET\s+NOT\s+NULL|TYPE|SET\s+DATA\s+TYPE|DROP\s+DEFAULT)|TRUNCATE)\b|ADD\s+(?:COLUMN\s+)?\w+\s+[\w ]+NOT\s+NULL(?![^,;]*DEFAULT)|ALTER\s+TABLE\s+\w+\s+DROP\s+(?!CONSTRAINT)/i;

/** In `up` alone: the way back is taken when nothing runs. */
function faults(source: Source): string[] {
  const found: string[] = [];
  walk(treeOf(source), (node) => {
    if (!ts.isMethodDeclaration(node) || node.name.getText(treeOf(source)) !== 'up') return;
    const hit = takes.exec(node.getText(treeOf(source)).replaceAll(/--.*$/gm, ''));
    if (hit) found.push(`${source.path}: ${hit[0]}`);
  });
  return found;
}

const migrations = readSources('src/database/migrations').filter(({ path }) => Number(/(\d{13})-/.exec(path)?.[1]) >= SINCE);
const one = (sql: string): Source => ({
  path: 'src/x.ts',
  text: `class X { async up(runner) { await runner.query(\`${sql}\`); } async down(runner) { await runner.query('DROP TABLE x'); } }`,
});

describe('migrations only add while the version before runs', () => {
  it('holds', () => {
    expect(migrations.length).toBeGreaterThan(0);
    expect(migrations.flatMap(faults)).toEqual([]);
  });

  it.each([
    'DROP TABLE x',
    'ALTER TABLE x DROP COLUMN y',
    'ALTER TABLE x DROP y',
    'ALTER TABLE x RENAME y TO z',
    'ALTER TABLE x ALTER y SET NOT NULL',
    'ALTER TABLE x ALTER COLUMN y TYPE bigint',
    'ALTER TABLE x ADD y integer NOT NULL',
  ])('finds %s', (sql) => expect(faults(one(sql))).toHaveLength(1));

  it.each([
    'CREATE TABLE x (y integer NOT NULL)',
    'ALTER TABLE x ADD y integer',
    'ALTER TABLE x ADD y integer NOT NULL DEFAULT 0',
    'CREATE INDEX y ON x (z)',
    'ALTER TABLE x DROP CONSTRAINT y',
  ])('lets %s be', (sql) => expect(faults(one(sql))).toEqual([]));
});
