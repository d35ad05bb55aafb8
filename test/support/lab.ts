import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApp } from '../../src/create-app.js';
import { readConfig, type Environment } from '../../src/config/config.js';
import { pause } from '../../src/kernel/waiting.js';
import { createLog } from '../../src/observability/log.js';
import { EngineModule } from './engine.module.js';
import { LabModule } from './lab.module.js';

/** Where tests run through PgBouncer: the server of all tests is asked there, and past it where that is needed. */
const pooled = (databaseUrl: string): Environment => {
  const { TESTS_POOLER: pooler = '', TESTS_SERVER: server = '' } = process.env;
  const direct = new URL(databaseUrl);
  if (pooler === '' || direct.search !== new URL(server).search) return { DATABASE_URL: databaseUrl };
  const through = new URL(pooler);
  through.pathname = direct.pathname;
  return { DATABASE_URL: through.href, DATABASE_DIRECT_URL: databaseUrl };
};

export const labEnvironment = (databaseUrl: string, redisUrl: string, more: Environment = {}): Environment => ({
  ...pooled(databaseUrl),
  REDIS_URL: redisUrl,
  SECRET_KEY: 'tests',
  DATA_DIR: join(tmpdir(), 'mutirao-lab'),
  ENVIRONMENT: 'test',
  PORT: '0',
  PGPOOL_MIN_CONNECTIONS: '2',
  PGPOOL_MAX_CONNECTIONS: '20',
  LOG_LEVEL: 'error',
  RATE_LIMIT_IP_PER_MINUTE: '0',
  // What a busy machine of tests is late with says nothing of what is tested.
  OVERLOAD_DELAY_MS: '0',
  // Whoever tests what is exported has a folder of his own.
  ANALYTICS_REFRESH_MINUTES: '0',
  ...more,
});

/** The whole application with the lab, in this process. */
export async function openLab(env: Environment): Promise<NestFastifyApplication> {
  const config = readConfig(env);
  const log = createLog(config, 'lab');
  const app = await createApp(config, log, [LabModule, EngineModule]);
  await app.listen(0, '127.0.0.1');
  return app;
}

/** The same as a real process, which can be killed; and where it is said, no file of its may become longer. */
export async function spawnLab(
  env: Environment,
  { main = 'lab.main.js', silent = false, mostFileBlocks = 0 } = {},
): Promise<{ url: string; process: ChildProcess; end: (signal?: NodeJS.Signals) => Promise<number | null> }> {
  const child = fork(resolve('.build/test/support', main), {
    ...(mostFileBlocks > 0 && { execPath: '/bin/sh', execArgv: ['-c', `ulimit -f ${mostFileBlocks}; exec "$0" "$@"`, process.execPath] }),
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', silent ? 'ignore' : 'inherit', 'inherit', 'ipc'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    // Until it is ready it only says that it goes on.
    child.on('message', (message: { url?: string }) => message.url !== undefined && resolve(message.url));
    child.once('exit', (code, signal) => reject(new Error(`the process ended with ${code ?? signal} before it was ready`)));
  });
  return {
    url,
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
export async function eventually<T>(ask: () => Promise<T>, right: (answer: T) => boolean, ms = 60_000): Promise<T> {
  const last = performance.now() + ms;
  for (;;) {
    const answer = await ask();
    if (right(answer)) return answer;
    if (performance.now() > last) throw new Error(`not so within ${ms} ms; last: ${JSON.stringify(answer)}`);
    await pause(20);
  }
}
