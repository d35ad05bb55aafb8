import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defineJob, defineQueue, handicapSeconds, priorities, waitAfter } from '../../src/outbox/contracts.js';
import { proveOwners } from '../../src/outbox/handlers.js';

describe('a job contract', () => {
  it('cannot be defined twice, nor its queue', () => {
    const queue = defineQueue({ name: 'contracts', concurrency: 1 });
    defineJob({ queue, name: 'contracts.once' });
    expect(() => defineQueue({ name: 'contracts', concurrency: 2 })).toThrow('queue contracts is defined twice');
    expect(() => defineJob({ queue, name: 'contracts.once' })).toThrow('job contracts.once is defined twice');
  });

  it('stops the process when it has no handler, or two', () => {
    const jobs = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
    const owners = new Map([
      ['a', ['One.a']],
      ['b', ['One.b', 'Two.b']],
    ]);
    expect(() => proveOwners(jobs, owners)).toThrow('job b needs one handler, found One.b, Two.b; job c needs one handler, found none');
    expect(() => proveOwners([{ name: 'a' }], owners)).not.toThrow();
  });
});

describe('the wait after a failure', () => {
  it('doubles from the first to the longest, at random between half and whole', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
        const whole = Math.min(600_000, 1_000 * 2 ** (failures - 1));
        const wait = waitAfter(failures, { firstMs: 1_000, mostMs: 600_000 }, random);
        expect(wait).toBeGreaterThanOrEqual(Math.floor(whole / 2));
        expect(wait).toBeLessThanOrEqual(whole);
      }),
    );
  });
});

describe('priorities', () => {
  it('are handicaps that grow as the priority falls', () => {
    const order = [...priorities].reverse().map((priority) => handicapSeconds[priority]);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(new Set(order).size).toBe(3);
  });
});
