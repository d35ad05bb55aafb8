import { Worker } from 'node:worker_threads';

const LOOK_UP_MS = 1_000;
const SCRIPT_MB = 8;

/** Whoever asked may go while a decoder that never comes back hears nothing any more: somebody beside it ends both. */
export function watchOver(): void {
  const script = `const { ppid } = process; setInterval(() => process.ppid === ppid || process.kill(process.pid, 'SIGKILL'), ${LOOK_UP_MS});`;
  new Worker(script, { eval: true, resourceLimits: { maxOldGenerationSizeMb: SCRIPT_MB } }).unref();
}
