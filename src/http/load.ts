import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { FastifyInstance } from 'fastify';
import { refused, sendProblem } from './problem.js';

const LOOK_MS = 100;
const STEP_MS = 10;
/** Where work stands in line this long before it begins, more of it only makes all wait longer. */
const MOST_DELAY_MS = 250;

/** Refuses new requests while the process cannot keep up with those it has. Probes are always answered. */
export function shedLoad(fastify: FastifyInstance, mostDelayMs = MOST_DELAY_MS): void {
  const delay = monitorEventLoopDelay({ resolution: STEP_MS });
  delay.enable();
  let behind = false;
  const timer = setInterval(() => {
    // The monitor counts its own step as delay.
    behind = delay.mean / 1e6 - STEP_MS > mostDelayMs;
    delay.reset();
  }, LOOK_MS).unref();
  fastify.addHook('onClose', (_instance, done) => {
    clearInterval(timer);
    delay.disable();
    done();
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    if (behind && !request.url.startsWith('/health'))
      sendProblem(request, reply, refused('overloaded', 'This process is behind with its work. Try again in a moment.'));
    else done();
  });
}
