import { execFileSync } from 'node:child_process';
import pg from 'pg';
import type { ProvidedContext } from 'vitest';
import type { TestProject } from 'vitest/node';
import { roleSettings } from '../../src/cli/tuning.js';
import { readConfig } from '../../src/config/config.js';
import { migrate } from '../../src/database/migrate.js';
import { createLog } from '../../src/observability/log.js';
import { schema } from '../../src/schema.js';
import { startEngines } from './engines.js';
import { labTables } from './lab.tables.js';
import { startPgbouncer } from './pgbouncer.js';

export const TEMPLATE = 'template_of_tests';

declare module 'vitest' {
  interface ProvidedContext {
    databaseUrl: string;
    /** Of PgBouncer, in the project whose tests run through it. */
    pooler: string;
    /** Programs beside the system: where they are, and why one cannot be had. */
    tools: { found: Record<string, string>; faults: Record<string, string> };
  }
}

/** One private PostgreSQL for the whole run, with a migrated database that each test file copies. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const tools = JSON.parse(execFileSync(process.execPath, ['scripts/tools.mjs'], { encoding: 'utf8' })) as ProvidedContext['tools'];
  project.provide('tools', tools);
  const engines = await startEngines({ redis: false });
  const server = new pg.Client({ connectionString: engines.databaseUrl });
  await server.connect();
  await server.query(`CREATE DATABASE ${TEMPLATE}`);
  // Through PgBouncer the time-outs are those of the role.
  if (project.name === 'pooled')
    for (const [name, value] of roleSettings) await server.query(`ALTER ROLE CURRENT_USER SET ${name} = '${value}'`);
  await server.end();
  const url = databaseNamed(engines.databaseUrl, TEMPLATE);
  const config = readConfig({ DATABASE_URL: url, REDIS_URL: 'unix:///nowhere', SECRET_KEY: 'tests' });
  await migrate(config, schema, createLog({ LOG_LEVEL: 'warn', DEBUG: false }, 'tests'));
  const template = new pg.Client({ connectionString: url });
  await template.connect();
  await template.query(labTables);
  await template.end();
  project.provide('databaseUrl', engines.databaseUrl);
  if (project.name !== 'pooled') return () => engines.stop();
  const { pgbouncer = '' } = tools.found;
  if (pgbouncer === '') throw new Error(tools.faults.pgbouncer);
  const pooler = await startPgbouncer(pgbouncer, engines.databaseUrl);
  project.provide('pooler', pooler.url);
  return async () => {
    await pooler.stop();
    await engines.stop();
  };
}

export function databaseNamed(url: string, name: string): string {
  const named = new URL(url);
  named.pathname = `/${name}`;
  return named.href;
}
