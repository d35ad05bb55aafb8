import { AsyncLocalStorage } from 'node:async_hooks';
import { randomHex } from '../kernel/ids.js';

/** Where a piece of work comes from. For logs and for passing on alone: nothing is decided by it. */
export interface Trace {
  requestId: string;
  traceId: string;
  /** A span of our own. */
  span: string;
  flags: string;
}

const current = new AsyncLocalStorage<Trace>();
const given = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/;
const NOTHING = /^0+$/;
const SAMPLED = '01';

export const traceOf = (): Trace | undefined => current.getStore();

/** Everything that `work` begins belongs to this trace. */
export const within = <T>(trace: Trace, work: () => T): T => current.run(trace, work);

/** The caller's trace goes on where it is well-formed, with us as its next span; else one begins here. */
export function continued(requestId: string, traceparent: unknown): Trace {
  const span = randomHex(16);
  if (typeof traceparent === 'string') {
    const [, traceId = '', before = '', flags = SAMPLED] = given.exec(traceparent) ?? [];
    if (traceId !== '' && !NOTHING.test(traceId) && !NOTHING.test(before)) return { requestId, traceId, span, flags };
  }
  return { requestId, traceId: randomHex(32), span, flags: SAMPLED };
}

/** As the W3C writes it. */
export const traceparentOf = ({ traceId, span, flags }: Trace): string => `00-${traceId}-${span}-${flags}`;

/** What a log line says of its trace. */
export function traceFacts(): { requestId?: string; traceId?: string } {
  const trace = current.getStore();
  return trace ? { requestId: trace.requestId, traceId: trace.traceId } : {};
}
