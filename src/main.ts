import 'reflect-metadata';
import { loadEnvironment, readConfig } from './config/config.js';
import { runRole } from './run-role.js';

await runRole(() => readConfig(loadEnvironment(process.env), { demo: !process.argv.includes('--no-demo') }));
