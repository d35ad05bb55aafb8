import cluster from 'node:cluster';
import type { Server } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Features } from './app.module.js';
import { ConfigFaults, consumes, mostMemory, type Config } from './config/config.js';
import { createApp } from './create-app.js';
import { Entrances, IN_LINE } from './http/entrances.js';
import { drain, LONGEST_MS } from './http/server.js';
import { Readiness } from './http/readiness.js';
import { within } from './kernel/waiting.js';
import { OutboxRunner } from './outbox/runner.js';
import { createLog, type Log } from './observability/log.js';

const HEARD_MS = 3_000;
const CLOSE_MS = 7_000;
const CONFIG_FAULT = 78;
const BEAT_MS = 1_000;
const ASK_AGAIN_MS = 60_000;
const GROWN = 1.2;

/** One process of any role, alone or under the supervisor. */
export async function runRole(read: () => Config, features: Features = []): Promise<void> {
  setInterval(beat, BEAT_MS).unref();
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
  const entrances = new Entrances(fastify.server);
  endOnOrder(log, async (hurry) => {
    const work = consumes(config) ? app.get(OutboxRunner, { strict: false }).stop() : undefined;
    await Promise.all([drain(fastify, entrances, readiness, doorClosed, hurry), work]);
    await app.close();
  });
  const watchMemory = retires(config, fastify);
  if (config.part === 'background') await app.init();
  else {
    await app.listen({ port: config.PORT, host: config.HOST, backlog: IN_LINE });
    askForEntrances(fastify, entrances);
  }
  watchMemory();
  say({ kind: 'ready', url: config.part === 'background' ? undefined : (config.PUBLIC_URL ?? (await app.getUrl())) });
}

/** A supervisor that is gone by now is told nothing, and nobody falls over that. */
const say = (word: object) => process.connected && process.send?.(word, undefined, undefined, () => undefined);
const beat = () => say({ kind: 'alive' });

/** A descriptor that has been away comes back as another one, with a place of its own in the loop. */
function askForEntrances({ server }: FastifyInstance, entrances: Entrances): void {
  process.on('message', ({ kind }: { kind?: string }, handle) => {
    // Of one that is gone nothing comes but the word.
    if (kind === 'entrance' && handle) entrances.add(handle);
  });
  const { _handle } = server as { _handle?: Server };
  if (cluster.isWorker && process.connected) process.send?.({ kind: 'entrance' }, _handle, undefined, () => undefined);
}

/**
 * Asks the supervisor for a successor: after so many requests, each process at another count, so that they do not all go at
 * once; and before it holds more memory than is its share. Where none came up, it asks again.
 */
function retires(config: Config, fastify: FastifyInstance): () => void {
  let asked = -Infinity;
  const retire = (reason: string) => {
    if (performance.now() < asked + ASK_AGAIN_MS) return;
    asked = performance.now();
    say({ kind: 'retire', reason });
  };
  let left = config.MAX_REQUESTS > 0 ? Math.ceil(config.MAX_REQUESTS * (0.9 + Math.random() / 5)) : Infinity;
  if (left < Infinity && process.send)
    fastify.addHook('onResponse', (_request, _reply, done) => {
      left -= 1;
      if (left <= 0) retire('requests');
      done();
    });
  return () => {
    if (!process.send) return;
    // What it holds from the beginning its successor would hold, too.
    const most = Math.max(mostMemory(config), process.memoryUsage.rss() * GROWN);
    setInterval(() => process.memoryUsage.rss() > most && retire('memory'), BEAT_MS).unref();
  };
}

/** Under a supervisor the door itself is there: resolves when it has heard that this process closed its own. */
async function doorClosed(): Promise<void> {
  if (!process.connected) return;
  const heard = new Promise<void>((resolve) => {
    process.on('message', ({ kind }: { kind?: string }) => {
      if (kind === 'closed') resolve();
    });
  });
  say({ kind: 'closed' });
  await within(HEARD_MS, 'supervisor', heard).catch(() => undefined);
}

/** Ordered stop: not ready, take nothing new, finish, close. Who has a successor takes the time that answers take. */
function endOnOrder(log: Log, stop: (hurry: AbortSignal) => Promise<void>): void {
  const hurry = new AbortController();
  let stopping: Promise<void> | undefined;
  const end = (inMs: number) => {
    stopping ??= stop(hurry.signal);
    void within(inMs, 'stop', stopping)
      .catch((fault: unknown) => {
        log.warn({ err: fault }, 'stopped before all was finished');
      })
      .then(() => log.settle())
      .finally(() => process.exit(0));
  };
  process.on('SIGTERM', () => {
    if (hurry.signal.aborted) return;
    hurry.abort();
    end(CLOSE_MS);
  });
  process.on('message', ({ kind }: { kind?: string }) => {
    if (kind === 'succeeded') end(LONGEST_MS + CLOSE_MS);
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
