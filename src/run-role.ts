import cluster from 'node:cluster';
import type { FastifyInstance } from 'fastify';
import { once } from 'node:events';
import type { Features } from './app.module.js';
import { ConfigFaults, consumes, type Config } from './config/config.js';
import { createApp } from './create-app.js';
import { drain } from './http/server.js';
import { Readiness } from './http/readiness.js';
import { within } from './kernel/waiting.js';
import { OutboxRunner } from './outbox/runner.js';
import { createLog, type Log } from './observability/log.js';

const HEARD_MS = 3_000;
const CLOSE_MS = 7_000;
const CONFIG_FAULT = 78;
const BEAT_MS = 1_000;

/** One process of any role, alone or under the supervisor. */
export async function runRole(read: () => Config, features: Features = []): Promise<void> {
  let config: Config;
  try {
    config = read();
  } catch (fault) {
    if (!(fault instanceof ConfigFaults)) throw fault;
    process.stderr.write(`${fault.message}\n`);
    process.exit(CONFIG_FAULT);
  }
  const log = createLog(config, config.part === 'background' ? 'background' : config.APP_ROLE);
  try {
    await serve(config, log, features);
  } catch (fault) {
    log.fatal({ err: fault }, 'could not start');
    await log.settle();
    process.exit(1);
  }
}

async function serve(config: Config, log: Log, features: Features): Promise<void> {
  const app = await createApp(config, log, features);
  const fastify = app.getHttpAdapter().getInstance();
  const readiness = app.get(Readiness);
  endOnSignal(log, async () => {
    const work = consumes(config) ? app.get(OutboxRunner, { strict: false }).stop() : undefined;
    await Promise.all([drain(fastify, readiness, doorClosed), work]);
    await app.close();
  });
  retireAfter(config.MAX_REQUESTS, fastify);
  if (config.part === 'background') await app.init();
  else await app.listen(config.PORT, config.HOST);
  setInterval(beat, BEAT_MS).unref();
  process.send?.({ kind: 'ready', url: config.part === 'background' ? undefined : (config.PUBLIC_URL ?? (await app.getUrl())) });
}

/** A supervisor that is gone by now is told nothing, and nobody falls over that. */
const beat = () => process.connected && process.send?.({ kind: 'alive' }, undefined, undefined, () => undefined);

/** Asks the supervisor for a successor; each process at another count, so that they do not all go at once. */
function retireAfter(requests: number, fastify: FastifyInstance): void {
  if (requests === 0 || !process.send) return;
  let left = Math.ceil(requests * (0.9 + Math.random() / 5));
  fastify.addHook('onResponse', (_request, _reply, done) => {
    left -= 1;
    if (left === 0) process.send?.({ kind: 'retire' });
    done();
  });
}

/** Under a supervisor the door itself is there: resolves when it has heard that this process closed its own. */
async function doorClosed(): Promise<void> {
  if (!process.send) return;
  const heard = once(process, 'message');
  process.send({ kind: 'closed' });
  await within(HEARD_MS, 'supervisor', heard).catch(() => undefined);
}

/** Ordered stop: not ready, take nothing new, finish, close. */
function endOnSignal(log: Log, stop: () => Promise<void>): void {
  let stopping = false;
  process.on('SIGTERM', () => {
    if (stopping) return;
    stopping = true;
    void within(CLOSE_MS, 'stop', stop())
      .catch((fault: unknown) => {
        log.warn({ err: fault }, 'stopped before all was finished');
      })
      .then(() => log.settle())
      .finally(() => process.exit(0));
  });
  // A closing terminal reaches the whole group, too.
  process.on('SIGHUP', () => undefined);
  // The supervisor is gone; this process is about to end for that reason.
  cluster.worker?.on('error', () => undefined);
  // Ctrl-C reaches the whole group; under a supervisor it is the one to say when.
  process.on('SIGINT', () => {
    if (!process.send) process.emit('SIGTERM');
  });
}
