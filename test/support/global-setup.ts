import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { readConfig } from '../../src/config/config.js';
import { migrate } from '../../src/database/migrate.js';
import { createLog } from '../../src/observability/log.js';
import { schema } from '../../src/schema.js';
import { startEngines } from './engines.js';
import { labTables } from './lab.tables.js';

export const TEMPLATE = 'template_of_tests';

declare module 'vitest' {
  interface ProvidedContext {
    databaseUrl: string;
  }
}

/** One private PostgreSQL for the whole run, with a migrated database that each test file copies. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const engines = await startEngines({ redis: false });
  const server = new pg.Client({ connectionString: engines.databaseUrl });
  await server.connect();
  await server.query(`CREATE DATABASE ${TEMPLATE}`);
  await server.end();
  const url = databaseNamed(engines.databaseUrl, TEMPLATE);
  const config = readConfig({ DATABASE_URL: url, REDIS_URL: 'unix:///nowhere', SECRET_KEY: 'tests' });
  await migrate(config, schema, createLog({ LOG_LEVEL: 'warn', DEBUG: false }, 'tests'));
  const template = new pg.Client({ connectionString: url });
  await template.connect();
  await template.query(labTables);
  await template.end();
  project.provide('databaseUrl', engines.databaseUrl);
  return () => engines.stop();
}

export function databaseNamed(url: string, name: string): string {
  const named = new URL(url);
  named.pathname = `/${name}`;
  return named.href;
}
