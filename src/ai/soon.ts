import { pause } from '../kernel/waiting.js';

const LONG_MS = 10_000;

/**
 * Waits for the first of a stream, so that a refusal before it is an answer like any other. Where it is long in coming
 * the answer begins without it, as proxies cut off whoever says nothing.
 */
export async function soon(first: Promise<unknown>): Promise<void> {
  const waiting = new AbortController();
  // Where it fails later, whoever reads on meets that.
  first.catch(() => undefined);
  await Promise.race([first, pause(LONG_MS, waiting.signal)]).finally(() => waiting.abort());
}
