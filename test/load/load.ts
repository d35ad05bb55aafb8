import 'reflect-metadata';
import { loadavg } from 'node:os';
import { readConfig } from '../../src/config/config.js';
import { migrate } from '../../src/database/migrate.js';
import { createLog } from '../../src/observability/log.js';
import { schema } from '../../src/schema.js';
import { startEngines } from '../support/engines.js';
import { labEnvironment } from '../support/lab.js';
import { table } from './figures.js';
import { signIns } from './sign-ins.js';
import { webhooks } from './webhooks.js';

/** Crowds, on engines of their own. */
const engines = await startEngines({ durable: true });
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void engines.stop().finally(() => process.exit(1)));
try {
  const env = labEnvironment(engines.databaseUrl, engines.redisUrl, { CACHE_REDIS_URL: engines.cacheRedisUrl });
  await migrate(readConfig(env), schema, createLog({ LOG_LEVEL: 'warn', DEBUG: false }, 'load'));
  const figures = [...(await signIns(env)), ...(await webhooks(env))];
  const busy = loadavg().map((load) => load.toFixed(1));
  process.stdout.write(`${table(figures)}\nload of the machine while measuring: ${busy.join(' ')}\n`);
  process.exitCode = figures.every(({ met }) => met) ? 0 : 1;
} finally {
  await engines.stop();
}
