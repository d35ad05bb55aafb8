import 'reflect-metadata';
import { loadavg } from 'node:os';
import { readConfig } from '../../src/config/config.js';
import { migrate } from '../../src/database/migrate.js';
import { createLog } from '../../src/observability/log.js';
import { schema } from '../../src/schema.js';
import { startEngines } from '../support/engines.js';
import { labEnvironment } from '../support/lab.js';
import { table, type Figure } from './figures.js';
import { messages } from './messages.js';
import { night } from './night/night.js';
import { signIns } from './sign-ins.js';
import { webhooks } from './webhooks.js';

const args = process.argv.slice(2);
if (args.some((arg) => arg.startsWith('--'))) process.exit((await night(args)) ? 0 : 1);

/** Crowds, on engines of their own. */
const engines = await startEngines({ durable: true });
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void engines.stop().finally(() => process.exit(1)));
try {
  const env = labEnvironment(engines.databaseUrl, engines.redisUrl, { CACHE_REDIS_URL: engines.cacheRedisUrl });
  await migrate(readConfig(env), schema, createLog({ LOG_LEVEL: 'warn', DEBUG: false }, 'load'));
  const parts: Record<string, (env: Record<string, string | undefined>) => Promise<Figure[]>> = { 'sign-ins': signIns, webhooks, messages };
  const unknown = args.filter((name) => !(name in parts));
  if (unknown.length > 0) throw new Error(`no part of the load: ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  const figures: Figure[] = [];
  for (const [name, measure] of Object.entries(parts)) if (args.length === 0 || args.includes(name)) figures.push(...(await measure(env)));
  const busy = loadavg().map((load) => load.toFixed(1));
  process.stdout.write(`${table(figures)}\nload of the machine while measuring: ${busy.join(' ')}\n`);
  process.exitCode = figures.every(({ met }) => met) ? 0 : 1;
} finally {
  await engines.stop();
}
