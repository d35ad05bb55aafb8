import 'reflect-metadata';
import { loadEnvironment, readConfig } from '../../src/config/config.js';
import { runRole } from '../../src/run-role.js';
import { EngineModule } from './engine.module.js';
import { LabModule } from './lab.module.js';

await runRole(() => readConfig(loadEnvironment(process.env)), [LabModule, EngineModule]);
