import 'reflect-metadata';
import cluster from 'node:cluster';
import { loadEnvironment, readConfig } from './config/config.js';
import { runRole } from './run-role.js';

// The supervisor has read the file and passes on what it said then.
const env = cluster.isWorker ? process.env : loadEnvironment(process.env);
await runRole(() => readConfig(env, { demo: !process.argv.includes('--no-demo') }));
