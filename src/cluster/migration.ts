import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Backoff } from '../embedded/backoff.js';
import { pause } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { CannotStart } from './cannot-start.js';

const AWAY = 75;
const CONFIG_FAULT = 78;

/** In a process of its own, so that what it needs does not stay in the supervisor. */
export async function migrate(env: NodeJS.ProcessEnv, log: Log, signal: AbortSignal): Promise<void> {
  const backoff = new Backoff();
  for (;;) {
    const code = await run(env, signal);
    signal.throwIfAborted();
    if (code === 0) return;
    if (code !== AWAY)
      throw new CannotStart(
        `The database could not be migrated: the lines above say why (code ${code})`,
        code === CONFIG_FAULT ? CONFIG_FAULT : 1,
      );
    const waitMs = backoff.next(0);
    log.warn({ waitMs }, 'the database cannot be reached yet, trying again');
    await pause(waitMs, signal);
  }
}

function run(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const script = fileURLToPath(new URL('../cli/mutirao.js', import.meta.url));
    const child = spawn(process.execPath, [script, 'migrate'], { env, stdio: ['ignore', 'inherit', 'inherit'] });
    const stop = () => child.kill('SIGKILL');
    signal.addEventListener('abort', stop);
    child.once('error', reject);
    child.once('exit', (code) => {
      signal.removeEventListener('abort', stop);
      resolve(code);
    });
  });
}
