import type { IBackoff, IBackoffFactory } from 'cockatiel';

/** How long a breaker stays open. Left to itself it would look at the time of day, which may be put back meanwhile. */
export function openFor(ms: number): IBackoffFactory<unknown> {
  const next = (): IBackoff<unknown> => {
    const until = performance.now() + ms;
    return {
      get duration() {
        return performance.now() < until ? Infinity : -Infinity;
      },
      next,
    };
  };
  return { next };
}
