import { ConfigFaults, loadEnvironment, readConfig, type Config, type Environment } from './config/config.js';
import { createLog } from './observability/log.js';
import { Supervisor } from './cluster/supervisor.js';

const CONFIG_FAULT = 78;

// Read once: what starts later, after a crash, gets the same as what started first.
function read(): { env: Environment; config: Config } | undefined {
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
  const { env, config } = given;
  const log = createLog(config, 'supervisor');
  const code = await new Supervisor(config, log, env, process.argv.slice(2)).run();
  await log.settle();
  process.exit(code);
}
