import 'reflect-metadata';
import { ConfigFaults, loadEnvironment, readConfig, type Config } from '../config/config.js';
import { isDatabaseAway, isDatabaseBusy } from '../database/faults.js';
import { migrate } from '../database/migrate.js';
import { directUrl } from '../database/options.js';
import { withRunningEngines } from '../embedded/running.js';
import { createLog } from '../observability/log.js';
import { schema } from '../schema.js';

const TRY_LATER = 75;
const CONFIG_FAULT = 78;
const USAGE = 64;

/** The configuration in force, with the private engines where they run. */
async function reachable(): Promise<Config | undefined> {
  const config = await withRunningEngines(readConfig(loadEnvironment(process.env)));
  if (config.DATABASE_URL) return config;
  process.stderr.write('The private PostgreSQL does not run: start the system with npm start first, or set DATABASE_URL.\n');
  return undefined;
}

async function migration(direction: 'up' | 'down'): Promise<number> {
  const config = await reachable();
  if (!config) return 1;
  const log = createLog(config, 'migrate');
  try {
    const names = await migrate(config, schema, log, direction);
    if (direction === 'down') log.info({ migrations: names }, 'taken back');
    return 0;
  } catch (fault) {
    const away = isDatabaseAway(fault);
    const refused = /^(28|3D)/.test(codeOf(fault));
    if (away || refused)
      log[away ? 'warn' : 'error'](
        { ...addressOf(config), code: codeOf(fault), reason: reasonOf(fault) },
        `the database ${away ? 'cannot be reached' : 'refuses us'}`,
      );
    else log.error({ err: fault }, 'migration failed');
    // Locks that others hold are let go of some time, too.
    return away || isDatabaseBusy(fault) ? TRY_LATER : 1;
  } finally {
    await log.settle();
  }
}

const codeOf = (fault: unknown): string => (fault instanceof Error && 'code' in fault && typeof fault.code === 'string' ? fault.code : '');

// Node tries several addresses of one name and has no word of its own for all of them.
function reasonOf(fault: unknown): string {
  if (fault instanceof AggregateError && fault.errors.length > 0) return reasonOf(fault.errors[0]);
  return fault instanceof Error && fault.message !== '' ? fault.message : codeOf(fault);
}

/** Where we looked, without the credentials. */
function addressOf(config: Config): { host: string; database: string } {
  const { host, pathname, searchParams } = new URL(directUrl(config));
  return { host: searchParams.get('host') ?? host, database: pathname.slice(1) };
}

const print = (line: string) => {
  process.stdout.write(`${line}\n`);
};

const verbs: Record<string, (() => Promise<number>) | undefined> = {
  migrate: () => migration('up'),
  'migrate:down': () => migration('down'),
  queues: async () => {
    const config = await reachable();
    return config ? (await import('./queues.js')).runQueues(config, process.argv.slice(3), print) : 1;
  },
  tune: async () => (await import('./tune.js')).runTune(process.argv.slice(3), process.env.PATH, print),
  doctor: async () => (await import('./doctor.js')).runDoctor(process.env, print),
};

const verb = process.argv[2] ?? '';
const run = verbs[verb];
try {
  if (!run) process.stderr.write(`Unknown verb "${verb}". Known: ${Object.keys(verbs).join(', ')}.\n`);
  process.exitCode = run ? await run() : USAGE;
} catch (fault) {
  if (!(fault instanceof ConfigFaults)) throw fault;
  process.stderr.write(`${fault.message}\n`);
  process.exitCode = CONFIG_FAULT;
}
