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
import { Misunderstood, night } from './night/night.js';
import { signIns } from './sign-ins.js';
import { webhooks } from './webhooks.js';

const parts: Record<string, (env: Record<string, string | undefined>) => Promise<Figure[]>> = { 'sign-ins': signIns, webhooks, messages };
const names = Object.keys(parts);
const USAGE = `npm run load -- --users 100,500,1000     people who think for a second between two things
npm run load -- --arrivals 1000          so many requests a second, whatever comes of those before
  --url URL       at a system that runs, instead of one that is started for it
  --seconds 60    that count, after --ramp 30 in which they become more
  --think MS      instead of a second (30 s from ten thousand people on)
  --seed 1        the same chances again
npm run load -- ${names.join(' | ')}     one of these crowds, or without a word all three
`;

function misunderstood(what: string): never {
  process.stderr.write(`${what}\n\n${USAGE}`);
  process.exit(2);
}

async function nightOf(args: string[]): Promise<boolean> {
  try {
    return await night(args);
  } catch (fault) {
    if (fault instanceof Misunderstood) misunderstood(fault.message);
    throw fault;
  }
}

const args = process.argv.slice(2);
if (args.includes('--help')) {
  process.stdout.write(USAGE);
  process.exit(0);
}
if (args.some((arg) => arg.startsWith('--'))) process.exit((await nightOf(args)) ? 0 : 1);
const unknown = args.filter((name) => !names.includes(name));
if (unknown.length > 0) misunderstood(`no part of the load: ${unknown.join(', ')}`);

/** Crowds, on engines of their own. */
const engines = await startEngines({ durable: true });
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void engines.stop().finally(() => process.exit(1)));
try {
  const env = labEnvironment(engines.databaseUrl, engines.redisUrl, { CACHE_REDIS_URL: engines.cacheRedisUrl });
  await migrate(readConfig(env), schema, createLog({ LOG_LEVEL: 'warn', DEBUG: false }, 'load'));
  const figures: Figure[] = [];
  for (const [name, measure] of Object.entries(parts)) if (args.length === 0 || args.includes(name)) figures.push(...(await measure(env)));
  const busy = loadavg().map((load) => load.toFixed(1));
  process.stdout.write(`${table(figures)}\nload of the machine while measuring: ${busy.join(' ')}\n`);
  process.exitCode = figures.every(({ met }) => met) ? 0 : 1;
} finally {
  await engines.stop();
}
