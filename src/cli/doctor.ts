import { ConfigFaults, loadEnvironment, readConfig, unknownNames, type Config, type Environment } from '../config/config.js';
import { settings, type SettingName } from '../config/settings.js';
import { showValue } from '../config/shown.js';
import { withRunningEngines } from '../embedded/running.js';
import { programChecks } from './doctor-engines.js';
import { findingsOf, warn, type Finding } from './doctor-finding.js';
import { machineChecks } from './doctor-machine.js';
import { postgresChecks } from './doctor-postgres.js';
import { redisChecks } from './doctor-redis.js';

const CONFIG_FAULT = 78;

/** Tells the configuration in force and what is wrong around it; 0: nothing is, 1: something, 78: the configuration itself. */
export async function runDoctor(given: Environment, out: (line: string) => void, folder = process.cwd()): Promise<number> {
  let env: Environment;
  let config: Config;
  try {
    env = loadEnvironment(given, folder);
    config = readConfig(env);
  } catch (cause) {
    if (!(cause instanceof ConfigFaults)) throw cause;
    cause.message.split('\n').forEach(out);
    return CONFIG_FAULT;
  }
  out('Configuration');
  for (const name of Object.keys(settings) as SettingName[]) out(`  ${name.padEnd(28)}${effective(name, config, env)}`);
  out('Checks');
  const findings = [...slips(folder), ...(await examine(config, env))];
  for (const { level, about, says } of findings) out(`  ${level.padEnd(7)}${about.padEnd(24)}${says}`);
  const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length;
  out(`${count('fault')} faults, ${count('warn')} warnings`);
  return count('fault') > 0 ? 1 : 0;
}

function effective(name: SettingName, config: Config, env: Environment): string {
  const raw = env[name]?.trim();
  if (raw) return showValue(name, name === 'DATA_DIR' ? config.DATA_DIR : raw);
  const value = config[name];
  const shown = Array.isArray(value) ? value.join(',') : typeof value === 'object' ? JSON.stringify(value) : String(value ?? '');
  return `${shown || settings[name].shown || 'nothing'} (default)`;
}

const slips = (folder: string): Finding[] =>
  unknownNames(folder).map((name) => warn('.env', `nothing reads ${name}`, 'mend the name, or take the line out'));

async function examine(given: Config, env: Environment): Promise<Finding[]> {
  const config = await withRunningEngines(given);
  const checks = [...machineChecks(config), ...programChecks(config, env), ...postgresChecks(config), ...redisChecks(config)];
  return (await Promise.all(checks.map(findingsOf))).flat();
}
