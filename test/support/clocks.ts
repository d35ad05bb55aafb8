import { vi } from 'vitest';

/** From now on it is so much later, by the clock that nobody can put back. */
export function passMs(ms: number): void {
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + ms);
}

/** From now on the time of day is so much earlier, and stands still. */
export function putBackMs(ms: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - ms });
}

export function asEver(): void {
  vi.useRealTimers();
  vi.restoreAllMocks();
}
