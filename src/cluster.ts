import { ConfigFaults, loadEnvironment, readConfig, type Config } from './config/config.js';
import { createLog } from './observability/log.js';
import { Supervisor } from './cluster/supervisor.js';

const CONFIG_FAULT = 78;

function read(): Config | undefined {
  try {
    return readConfig(loadEnvironment(process.env), { demo: !process.argv.includes('--no-demo') });
  } catch (fault) {
    if (!(fault instanceof ConfigFaults)) throw fault;
    process.stderr.write(`${fault.message}\n`);
    return undefined;
  }
}

const config = read();
if (config === undefined) {
  process.exitCode = CONFIG_FAULT;
} else {
  const log = createLog(config, 'supervisor');
  const code = await new Supervisor(config, log, process.env, process.argv.slice(2)).run();
  await log.settle();
  process.exit(code);
}
