// Writes what is generated from the sources: .env.example, the table of the README, docs/errors.md, postgresql_tuning.sql.
import { readFileSync, writeFileSync } from 'node:fs';
import { buildWhenNeeded } from './build-when-needed.mjs';

await buildWhenNeeded();
const { envExample, withSettingsTable } = await import('../dist/src/config/documents.js');
writeFileSync('.env.example', envExample());
writeFileSync('README.md', withSettingsTable(readFileSync('README.md', 'utf8')));
const { problemsDocument } = await import('../dist/src/kernel/problems.js');
writeFileSync('docs/errors.md', problemsDocument());
const { tuningSql, usual } = await import('../dist/src/cli/tuning.js');
writeFileSync('postgresql_tuning.sql', tuningSql(usual, 'mutirao'));
