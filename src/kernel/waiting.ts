export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
  constructor(what: string, ms: number) {
    super(`${what}: no answer within ${ms} ms`);
  }
}

/**
 * The work goes on in the background; only the waiting ends. Where it was this process that stood still, the answer
 * may lie there already: it is read before anyone is blamed.
 */
export function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(() => reject(new DeadlinePassed(what, ms))), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });

/**
 * Work that ends when its time is over or nobody wants it any more. By hand: a timeout to which AbortSignal.any alone
 * refers is collected as garbage in Node 20, and never comes.
 */
export async function inTime<T>(ms: number, signal: AbortSignal, work: (over: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  const leave = () => over.abort(signal.reason);
  const timer = setTimeout(() => over.abort(new DOMException('over', 'TimeoutError')), ms);
  signal.addEventListener('abort', leave);
  if (signal.aborted) leave();
  try {
    return await work(over.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
  }
}

/** What a server says in `Retry-After`, in seconds or as a date; `undefined` where that is nothing to go by. */
export function retryAfterMs(told: string | string[] | undefined): number | undefined {
  if (typeof told !== 'string' || told.trim() === '') return undefined;
  const ms = Number.isNaN(Number(told)) ? Date.parse(told) - Date.now() : Number(told) * 1_000;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** Before it is tried again: longer each time, and not the same for all who wait. */
export const backoffMs = (firstMs: number, tries: number): number => firstMs * 2 ** (tries - 1) * (0.5 + Math.random());
