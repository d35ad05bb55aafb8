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
