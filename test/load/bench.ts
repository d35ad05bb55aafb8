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
import { ai } from './ai.js';
import { analytics } from './analytics.js';
import { audio } from './audio.js';
import { donations } from './donations.js';
import { edge } from './edge.js';
import { exportMemory } from './export.js';
import { table, type Figure } from './figures.js';
import { hotCampaign } from './hot-campaign.js';
import { commits, jobs } from './outbox.js';
import { coldStart, memory } from './processes.js';
import { sideBySide } from './side-by-side.js';

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
  const redis = [engines.redisPid, engines.cacheRedisPid].map((pid) => pid ?? Number.NaN);
  const parts: Record<string, () => Promise<Figure[]>> = {
    start: async () => [await coldStart(env)],
    edge: () => edge(env, engines.redisUrl, redis),
    'side-by-side': () => sideBySide(env, engines.redisUrl, [postgres, ...redis]),
    donations: () => donations(env, engines.redisUrl, [postgres, ...redis]),
    ai: () => ai(env, [postgres, ...redis]),
    audio: () => audio(env),
    hot: () => hotCampaign(env),
    commits: () => commits(env, postgres),
    jobs: () => jobs(env, [postgres, ...redis]),
    export: () => exportMemory(env),
    memory: () => memory(env),
    analytics: () => analytics(env),
  };
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !(name in parts));
  if (unknown.length > 0) throw new Error(`no part of the bench: ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  for (const [name, measure] of Object.entries(parts)) if (wanted.length === 0 || wanted.includes(name)) figures.push(...(await measure()));
  process.stdout.write(
    `${table(figures)}\nload of the machine while measuring: ${loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}\n`,
  );
  process.exitCode = figures.every(({ met }) => met) ? 0 : 1;
} finally {
  await engines.stop();
}
