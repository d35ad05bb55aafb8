import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';

const SHAPE = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

it('ids come in the order in which they were made, whatever the clock does', () => {
  let last = newId();
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant(0), fc.integer({ min: -5_000, max: 5_000 })), { maxLength: 50 }), (steps) => {
      let clock = Date.now();
      for (const step of steps) {
        clock += step;
        const id = newId(clock);
        expect(id).toMatch(SHAPE);
        expect(id > last).toBe(true);
        last = id;
      }
    }),
  );
});

it('ids of one moment are as many as anyone may want, each another', () => {
  const now = Date.now() + 60_000;
  const ids = Array.from({ length: 20_000 }, () => newId(now));
  expect(new Set(ids).size).toBe(20_000);
  expect([...ids].sort()).toEqual(ids);
});

it('ids tell their moment', () => {
  const later = Date.now() + 3_600_000;
  expect(parseInt(newId(later).replace('-', '').slice(0, 12), 16)).toBe(later);
});
