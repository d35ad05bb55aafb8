import 'reflect-metadata';
import { loadEnvironment, readConfig } from '../../src/config/config.js';
import { runRole } from '../../src/run-role.js';
import { LimitsLab } from './limits.lab.js';

await runRole(() => readConfig(loadEnvironment(process.env)), [LimitsLab]);
