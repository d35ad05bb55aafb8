import type { FastifyInstance } from 'fastify';

const LOOK_MS = 50;
/** One long turn of the loop alone may be a machine that slept; the second in a row is work. */
const LONG_TURNS = 2;
/** Of what comes: so much more is refused after each long turn, so much less with each look that is in time. */
const MORE = 0.25;
const LESS = 0.03;

/**
 * Tells of each request whether it is one too many: where work stands in line longer than `mostDelayMs` before it begins, more of it
 * only makes all wait longer. Only as large a part is refused as is too much: who refuses all is idle next, and late again after it.
 */
export function watchLoad(fastify: FastifyInstance, mostDelayMs: number): () => boolean {
  if (mostDelayMs === 0) return () => false;
  let last = performance.now();
  let longTurns = 0;
  let refused = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    longTurns = now - last - LOOK_MS > mostDelayMs ? longTurns + 1 : 0;
    if (longTurns >= LONG_TURNS) refused = Math.min(1, refused + MORE);
    else if (longTurns === 0) refused = Math.max(0, refused - LESS);
    last = now;
  }, LOOK_MS).unref();
  fastify.addHook('onClose', (_instance, done) => {
    clearInterval(timer);
    done();
  });
  return () => Math.random() < refused;
}
