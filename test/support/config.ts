import { ConfigFaults, readConfig, type Environment } from '../../src/config/config.js';

/** What a configuration is refused with. */
export function faultsOf(env: Environment): readonly string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigFaults) return error.faults;
    throw error;
  }
}
