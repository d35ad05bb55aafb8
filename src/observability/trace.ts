import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

/** Where a piece of work comes from. For logs and for passing on alone: nothing is decided by it. */
export interface Trace {
  requestId: string;
  /** W3C trace context, with a span of our own. */
  traceparent: string;
}

const current = new AsyncLocalStorage<Trace>();
const given = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/;
const NOTHING = /^0+$/;

export const traceOf = (): Trace | undefined => current.getStore();

/** Everything that `work` begins belongs to this trace. */
export const within = <T>(trace: Trace, work: () => T): T => current.run(trace, work);

/** The caller's trace goes on where it is well-formed, with us as its next span; else one begins here. */
export function continued(requestId: string, traceparent: unknown): Trace {
  const [, trace = '', span = '', flags = '01'] = (typeof traceparent === 'string' && given.exec(traceparent)) || [];
  const random = randomHex();
  const valid = trace !== '' && !NOTHING.test(trace) && !NOTHING.test(span);
  return { requestId, traceparent: `00-${valid ? trace : random.slice(0, 32)}-${random.slice(32)}-${valid ? flags : '01'}` };
}

export const traceIdOf = ({ traceparent }: Trace): string => traceparent.slice(3, 35);

/** What a log line says of its trace. */
export function traceFacts(): { requestId?: string; traceId?: string } {
  const trace = current.getStore();
  return trace ? { requestId: trace.requestId, traceId: traceIdOf(trace) } : {};
}

const BYTES = 24;
const pool = { text: '', at: 0 };

// One system call for many ids.
function randomHex(): string {
  if (pool.at >= pool.text.length) {
    pool.text = randomBytes(BYTES * 256).toString('hex');
    pool.at = 0;
  }
  pool.at += BYTES * 2;
  return pool.text.slice(pool.at - BYTES * 2, pool.at);
}
