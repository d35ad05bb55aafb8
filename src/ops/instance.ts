import cluster from 'node:cluster';
import { hostname } from 'node:os';
import { newId } from '../kernel/ids.js';

/** One supervisor with its processes, or one process alone. */
export const nameOfInstance = (): string => `${hostname()}:${cluster.isWorker ? process.ppid : `${process.pid}:${newId().slice(-6)}`}`;
