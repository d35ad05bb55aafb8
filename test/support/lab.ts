import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApp } from '../../src/create-app.js';
import { readConfig, type Environment } from '../../src/config/config.js';
import { pause } from '../../src/kernel/waiting.js';
import { createLog } from '../../src/observability/log.js';
import { LabModule } from './lab.module.js';

export const labEnvironment = (databaseUrl: string, redisUrl: string, more: Environment = {}): Environment => ({
  DATABASE_URL: databaseUrl,
  REDIS_URL: redisUrl,
  SECRET_KEY: 'tests',
  ENVIRONMENT: 'test',
  PORT: '0',
  PGPOOL_MIN_CONNECTIONS: '2',
  PGPOOL_MAX_CONNECTIONS: '20',
  LOG_LEVEL: 'error',
  RATE_LIMIT_IP_PER_MINUTE: '0',
  ...more,
});

/** The whole application with the lab, in this process. */
export async function openLab(env: Environment): Promise<NestFastifyApplication> {
  const config = readConfig(env);
  const log = createLog(config, 'lab');
  const app = await createApp(config, log, [LabModule]);
  await app.listen(0, '127.0.0.1');
  return app;
}

/** The same as a real process, which can be killed. */
export async function spawnLab(
  env: Environment,
  { main = 'lab.main.js', silent = false } = {},
): Promise<{ url: string; process: ChildProcess; end: (signal?: NodeJS.Signals) => Promise<number | null> }> {
  const child = fork(resolve('.build/test/support', main), {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', silent ? 'ignore' : 'inherit', 'inherit', 'ipc'],
  });
  const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [{ url: string } | number];
  if (typeof message === 'number') throw new Error(`the process ended with ${message} before it was ready`);
  return {
    url: message.url,
    process: child,
    end: async (signal = 'SIGTERM') => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const gone = once(child, 'exit') as Promise<[number | null]>;
      child.kill(signal);
      return (await gone)[0];
    },
  };
}

/** Asks until the answer is right; what is asked must become true by itself. */
export async function eventually<T>(ask: () => Promise<T>, right: (answer: T) => boolean, ms = 30_000): Promise<T> {
  const last = performance.now() + ms;
  for (;;) {
    const answer = await ask();
    if (right(answer)) return answer;
    if (performance.now() > last) throw new Error(`not so within ${ms} ms; last: ${JSON.stringify(answer)}`);
    await pause(20);
  }
}
