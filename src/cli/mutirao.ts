import 'reflect-metadata';
import { ConfigFaults, loadEnvironment, readConfig } from '../config/config.js';
import { isDatabaseAway } from '../database/faults.js';
import { migrate } from '../database/migrate.js';
import { createLog } from '../observability/log.js';
import { schema } from '../schema.js';

const TRY_LATER = 75;
const CONFIG_FAULT = 78;
const USAGE = 64;

async function migration(direction: 'up' | 'down'): Promise<number> {
  const config = readConfig(loadEnvironment(process.env));
  const log = createLog(config, 'migrate');
  try {
    const names = await migrate(config, schema, log, direction);
    if (direction === 'down') log.info({ migrations: names }, 'taken back');
    return 0;
  } catch (fault) {
    log.error({ err: fault }, 'migration failed');
    return isDatabaseAway(fault) ? TRY_LATER : 1;
  } finally {
    await log.settle();
  }
}

const verbs: Record<string, (() => Promise<number>) | undefined> = {
  migrate: () => migration('up'),
  'migrate:down': () => migration('down'),
  doctor: async () => (await import('./doctor.js')).runDoctor(process.env, (line) => process.stdout.write(`${line}\n`)),
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
