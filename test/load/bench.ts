import 'reflect-metadata';
import { loadavg } from 'node:os';
import pg from 'pg';
import { readConfig } from '../../src/config/config.js';
import { migrate } from '../../src/database/migrate.js';
import { createLog } from '../../src/observability/log.js';
import { schema } from '../../src/schema.js';
import { startEngines } from '../support/engines.js';
import { labEnvironment } from '../support/lab.js';
import { labTables } from '../support/lab.tables.js';
import { edge } from './edge.js';
import { table, type Figure } from './figures.js';
import { commits, jobs } from './outbox.js';
import { people } from './people.js';
import { coldStart, memory } from './processes.js';

const engines = await startEngines({ durable: true });
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void engines.stop().finally(() => process.exit(1)));
try {
  const env = {
    ...labEnvironment(engines.databaseUrl, engines.redisUrl, { CACHE_REDIS_URL: engines.cacheRedisUrl }),
    PGPOOL_MAX_CONNECTIONS: '50',
  };
  await migrate(readConfig(env), schema, createLog({ LOG_LEVEL: 'warn', DEBUG: false }, 'bench'));
  const database = new pg.Client({ connectionString: engines.databaseUrl });
  await database.connect();
  await database.query(labTables);
  await database.end();
  const postgres = engines.postgresPid ?? Number.NaN;
  const figures: Figure[] = [];
  figures.push(await coldStart(env));
  figures.push(...(await edge(env, engines.redisUrl, [engines.redisPid ?? Number.NaN])));
  figures.push(...(await people(env, engines.redisUrl, [postgres, engines.redisPid ?? Number.NaN])));
  figures.push(...(await commits(env, postgres)));
  figures.push(...(await jobs(env, [postgres, engines.redisPid ?? Number.NaN])));
  figures.push(...(await memory(env)));
  process.stdout.write(
    `${table(figures)}\nload of the machine while measuring: ${loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}\n`,
  );
  process.exitCode = figures.every(({ met }) => met) ? 0 : 1;
} finally {
  await engines.stop();
}
