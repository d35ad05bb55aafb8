import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { FastifyInstance } from 'fastify';

const LOOK_MS = 100;
const STEP_MS = 10;
/** Where work stands in line this long before it begins, more of it only makes all wait longer. */
const MOST_DELAY_MS = 250;

/** Tells whether the process cannot keep up with the requests it has. */
export function watchLoad(fastify: FastifyInstance, mostDelayMs = MOST_DELAY_MS): () => boolean {
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
  return () => behind;
}
