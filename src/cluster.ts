import { ConfigFaults, loadEnvironment, readConfig } from './config/config.js';
import { createLog } from './observability/log.js';
import { Supervisor, type Given } from './cluster/supervisor.js';

const CONFIG_FAULT = 78;

// Read at the start, and when it is ordered: what starts later, after a crash, gets the same as what started first.
function read(): Given | undefined {
  try {
    const env = loadEnvironment(process.env);
    const config = readConfig(env, { demo: !process.argv.includes('--no-demo') });
    return { env, config };
  } catch (fault) {
    if (!(fault instanceof ConfigFaults)) throw fault;
    process.stderr.write(`${fault.message}\n`);
    return undefined;
  }
}

const given = read();
if (given === undefined) {
  process.exitCode = CONFIG_FAULT;
} else {
  const log = createLog(given.config, 'supervisor');
  const code = await new Supervisor(given, log, process.argv.slice(2), read).run();
  await log.settle();
  process.exit(code);
}
