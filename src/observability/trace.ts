import { AsyncLocalStorage } from 'node:async_hooks';
import { randomHex } from '../kernel/ids.js';

/** Where a piece of work comes from. For logs and for passing on alone: nothing is decided by it. */
export interface Trace {
  requestId: string;
  traceId: string;
  /** A span of our own. */
  span: string;
  /** The span that this one is part of, where it is known. */
  parent?: string;
  flags: string;
}

const current = new AsyncLocalStorage<Trace>();
/** Of a later version than ours the first four fields are known, and of its flags the first. */
const given = /^(?:00(?!.{54})|(?!00|ff)[\da-f]{2})-([\da-f]{32})-([\da-f]{16})-[\da-f]([\da-f])(?:-|$)/;
const NOTHING = /^0+$/;
const SAMPLED = '01';
const UNSAMPLED = '00';

export const traceOf = (): Trace | undefined => current.getStore();

/** Everything that `work` begins belongs to this trace. */
export const within = <T>(trace: Trace, work: () => T): T => current.run(trace, work);

/** The caller's trace goes on where it is well-formed, with us as its next span; else one begins here. */
export function continued(requestId: string, traceparent: unknown): Trace {
  const span = randomHex(16);
  if (typeof traceparent === 'string') {
    const [, traceId = '', before = '', flags = ''] = given.exec(traceparent) ?? [];
    if (traceId !== '' && !NOTHING.test(traceId) && !NOTHING.test(before))
      return { requestId, traceId, span, parent: before, flags: parseInt(flags, 16) & 1 ? SAMPLED : UNSAMPLED };
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
