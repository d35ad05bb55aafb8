import type { FastifyInstance } from 'fastify';

const LOOK_MS = 50;
/** One long turn of the loop alone may be a machine that slept; the second in a row is work. */
const BEHIND = 2;
/** After it has caught up it takes a while to be trusted again. */
const FORGIVEN_BY_LOOK = 0.25;

/**
 * Tells whether the process cannot keep up with the requests it has: where work stands in line longer than
 * `mostDelayMs` before it begins, more of it only makes all wait longer.
 */
export function watchLoad(fastify: FastifyInstance, mostDelayMs: number): () => boolean {
  if (mostDelayMs === 0) return () => false;
  let last = performance.now();
  let late = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    late = now - last - LOOK_MS > mostDelayMs ? Math.min(late + 1, BEHIND) : Math.max(0, late - FORGIVEN_BY_LOOK);
    last = now;
  }, LOOK_MS).unref();
  fastify.addHook('onClose', (_instance, done) => {
    clearInterval(timer);
    done();
  });
  return () => late > BEHIND - 1;
}
