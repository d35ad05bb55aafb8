// Writes what is generated from src/config: .env.example and the table of the README.
import { readFileSync, writeFileSync } from 'node:fs';
import { buildWhenNeeded } from './build-when-needed.mjs';

await buildWhenNeeded();
const { envExample, withSettingsTable } = await import('../dist/src/config/documents.js');
writeFileSync('.env.example', envExample());
writeFileSync('README.md', withSettingsTable(readFileSync('README.md', 'utf8')));
