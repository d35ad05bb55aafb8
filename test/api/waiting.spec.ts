import { describe, expect, it } from 'vitest';
import { backoffMs, retryAfterMs } from '../../src/kernel/waiting.js';

describe('Retry-After', () => {
  it.each([undefined, '', ' ', 'soon', '1e999', ['1', '2']])('%j is nothing to go by', (told) => {
    expect(retryAfterMs(told)).toBeUndefined();
  });

  it.each([
    ['0', 0],
    ['-5', 0],
    ['1.5', 1_500],
    ['60', 60_000],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 0],
  ])('%s is read', (told, ms) => expect(retryAfterMs(told)).toBe(ms));

  it('may be a date', () => {
    const ms = retryAfterMs(new Date(Date.now() + 60_000).toUTCString());
    expect(ms).toBeGreaterThan(55_000);
    expect(ms).toBeLessThanOrEqual(60_000);
  });
});

it('Each next try waits twice as long, give or take a half', () => {
  for (const [tries, least] of [
    [1, 50],
    [2, 100],
    [3, 200],
  ] as const) {
    const waits = Array.from({ length: 100 }, () => backoffMs(100, tries));
    for (const ms of waits) expect(ms >= least && ms < 3 * least).toBe(true);
    expect(new Set(waits).size).toBeGreaterThan(1);
  }
});
