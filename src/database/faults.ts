const socketFaults = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'EAGAIN',
]);
// Shutting down, crashed, starting up, out of connections, out of disk, ended by an operator.
const serverFaults = /^(57P0[1-5]|53[0-4]00|08\d{3}|58030)$/;
/** The one word of PgBouncer for all that it cannot do; of a server it is no last word, but a fault of ours. */
const isPoolerFault = (error: Error) => codeOf(error) === '08P01' && (error as { severity?: unknown }).severity === 'FATAL';
const words =
  /timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client has encountered a connection error|not queryable/i;

// Waited too long for a lock or an answer, lost a deadlock, lost against another transaction.
const busyFaults = new Set(['55P03', '57014', '40P01', '40001']);
const FULL = '53100';
// A text with the character NUL, as such or escaped within JSON.
const unstorable = new Set(['22021', '22P05']);

const codeOf = (error: unknown): unknown => (error instanceof Error ? (error as { code?: unknown }).code : undefined);

/** All connections were taken for as long as one may be waited for. */
const WAITED = /timeout exceeded when trying to connect/;

/** True where the same may well succeed in a moment: the database is there, and too much is going on in it. */
export const isDatabaseBusy = (error: unknown): boolean =>
  busyFaults.has(String(codeOf(error))) || (error instanceof Error && WAITED.test(error.message));

export const isDatabaseFull = (error: unknown): boolean => codeOf(error) === FULL;

export const isUnstorable = (error: unknown): boolean => unstorable.has(String(codeOf(error)));

/** True where the database is away or overwhelmed, not where it said no to what was asked. */
export function isDatabaseAway(error: unknown): boolean {
  for (let fault = error; fault instanceof Error; fault = fault.cause) {
    const code = codeOf(fault);
    if (typeof code === 'string' && (socketFaults.has(code) || serverFaults.test(code))) return true;
    if (isPoolerFault(fault) || words.test(fault.message)) return true;
    if (fault instanceof AggregateError && fault.errors.some(isDatabaseAway)) return true;
  }
  return false;
}
