import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headroomOf, type Load } from '../../src/ops/headroom.js';
import { judge, PERIOD_SECONDS, quantile, ruleNames, rules, type RuleName, type Sample } from '../../src/ops/alerts/rules.js';

const bounds = [0.1, 1, 2, 5];
const quietly: Omit<Sample, 'instance' | 'age'> = {
  ...{ busySeconds: 0, allSeconds: 0, memory: 0.3, requests: 0, errors: 0, durations: [0, 0, 0, 0, 0], connections: 0.2 },
};

interface Told {
  cpu?: number;
  memory?: number;
  connections?: number;
  /** Of a hundred requests in each period. */
  errors?: number;
  slow?: number;
}

/** What an instance tells over so many seconds up to now, at each time as `at` has it. */
function line(instance: string, seconds: number, at: (age: number) => Told, until = 0): Sample[] {
  const samples: Sample[] = [];
  let before: Sample = { ...quietly, instance, age: seconds + PERIOD_SECONDS };
  for (let age = seconds; age >= until; age -= PERIOD_SECONDS) {
    const { cpu = 0.1, memory = 0.3, connections = 0.2, errors = 0, slow = 0 } = at(age);
    before = {
      ...{ instance, age, memory, connections },
      busySeconds: before.busySeconds + cpu * PERIOD_SECONDS * 2,
      allSeconds: before.allSeconds + PERIOD_SECONDS * 2,
      requests: before.requests + 100,
      errors: before.errors + errors,
      durations: before.durations.map((count, box) => count + (box === 3 ? slow : box === 0 ? 100 - slow : 0)),
    };
    samples.push(before);
  }
  return samples;
}

const bad: Record<RuleName, Told> = {
  cpu: { cpu: 0.95 },
  memory: { memory: 0.9 },
  database_connections: { connections: 0.85 },
  error_rate: { errors: 3 },
  response_time: { slow: 20 },
};
const stateOf = (name: RuleName, samples: Sample[]) => judge(name, samples, bounds).state;
/** Rates look back a little further than a moment. */
const SLACK = 25;

describe.each(ruleNames)('%s', (name) => {
  const { seconds } = rules[name];

  it('fires when it held for its whole time, and not before', () => {
    const since = (time: number) => line('a', 400, (age) => (age <= time ? bad[name] : {}));
    expect(stateOf(name, since(seconds + SLACK))).toBe('firing');
    expect(stateOf(name, since(seconds - 10))).not.toBe('firing');
  });

  it('does not fire where it ended for a moment in between', () => {
    const pause = seconds / 2;
    const samples = line('a', 400, (age) => (age <= seconds + SLACK && Math.abs(age - pause) > 15 ? bad[name] : {}));
    expect(stateOf(name, samples)).not.toBe('firing');
  });

  it('is over only when it was quiet for a while', () => {
    expect(
      stateOf(
        name,
        line('a', 400, (age) => (age > 10 ? bad[name] : {})),
      ),
    ).not.toBe('quiet');
    expect(
      stateOf(
        name,
        line('a', 400, (age) => (age > 60 ? bad[name] : {})),
      ),
    ).toBe('quiet');
  });

  it('says nothing where nobody looked, and forgets who is gone', () => {
    const holes = line('a', 400, () => bad[name]).filter(({ age }) => age < 3 || age > 45);
    expect(stateOf(name, holes)).not.toBe('firing');
    const gone = [...line('a', 400, () => bad[name], 60), ...line('b', 400, () => ({}))];
    expect(stateOf(name, gone)).not.toBe('firing');
    expect(stateOf(name, [])).not.toBe('firing');
  });

  it('is never both, whatever is told in whatever order', () => {
    const sample = fc.record({
      instance: fc.constantFrom('a', 'b'),
      age: fc.double({ min: 0, max: 400, noNaN: true }),
      ...{ busySeconds: fc.nat(1_000), allSeconds: fc.nat(1_000), memory: fc.double({ min: 0, max: 1, noNaN: true }) },
      ...{ requests: fc.nat(1_000), errors: fc.nat(10), connections: fc.double({ min: 0, max: 1, noNaN: true }) },
      durations: fc.array(fc.nat(100), { minLength: 5, maxLength: 5 }),
    });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 40 }), (samples) => {
        const verdict = judge(name, samples, bounds);
        expect(Number.isFinite(verdict.value)).toBe(true);
        expect(judge(name, [...samples].reverse(), bounds).state).toBe(verdict.state);
      }),
      { numRuns: 200 },
    );
  });
});

describe('over several instances', () => {
  it('names the one that is worst off', () => {
    const samples = [
      ...line('a', 400, () => ({})),
      ...line('b', 400, () => ({ memory: 0.9 })),
      ...line('c', 400, () => ({ memory: 0.95 })),
    ];
    expect(judge('memory', samples, bounds)).toEqual({ state: 'firing', value: 0.95, instance: 'c' });
  });

  it('adds up what was asked of all', () => {
    const half = [...line('a', 400, () => ({ errors: 3 })), ...line('b', 400, () => ({}))];
    expect(judge('error_rate', half, bounds)).toMatchObject({ state: 'firing', instance: null });
    expect(judge('error_rate', half, bounds).value).toBeCloseTo(0.015, 3);
    const third = [...half, ...line('c', 400, () => ({})), ...line('d', 400, () => ({}))];
    expect(stateOf('error_rate', third)).toBe('quiet');
  });

  it('is not fooled by one that begins again at nothing', () => {
    const begun = line('b', 20, () => ({}));
    expect(stateOf('error_rate', [...line('a', 400, () => ({})), ...begun])).not.toBe('firing');
  });
});

it('what takes longer than all bounds is longer than the last', () => {
  expect([quantile([0, 0, 0, 0, 9], bounds, 0.5), quantile([95, 0, 5, 0, 0], bounds, 0.95), quantile([], bounds, 0.5)]).toEqual([
    10, 0.1, 0,
  ]);
});

describe('headroom', () => {
  const load: Load = {
    ...{ requestsPerSecond: 100, requests: 6_000, cpuSeconds: 12, cores: 4, processes: 4, cpu: 0.1, memory: 0.5 },
    ...{ pool: { busy: 2, most: 200 }, connections: 0.2 },
  };

  it('is what the first resource bears', () => {
    // 2 ms each; 0.2 cores are used by others.
    expect(headroomOf(load)).toMatchObject({ basis: 'measured', first: 'cpu', sustainableRequestsPerSecond: 1_500, users: 15_000 });
    expect(headroomOf({ ...load, processes: 1 })).toMatchObject({ first: 'processes', sustainableRequestsPerSecond: 400 });
    expect(headroomOf({ ...load, pool: { busy: 40, most: 200 } })).toMatchObject({ first: 'pool', sustainableRequestsPerSecond: 400 });
    expect(headroomOf({ ...load, memory: 0.9 })).toMatchObject({ first: 'memory', sustainableRequestsPerSecond: 100 });
    expect(headroomOf({ ...load, requests: 3 })).toMatchObject({ basis: 'assumed' });
  });

  it('is a whole number from nothing up, whatever is told', () => {
    const part = fc.double({ min: 0, max: 1, noNaN: true });
    const any = fc.record({
      ...{
        requestsPerSecond: fc.double({ min: 0, max: 1e5, noNaN: true }),
        requests: fc.nat(1e7),
        cpuSeconds: fc.double({ min: 0, max: 1e5, noNaN: true }),
      },
      ...{
        cores: fc.double({ min: 0.1, max: 256, noNaN: true }),
        processes: fc.integer({ min: 1, max: 128 }),
        cpu: part,
        memory: part,
        connections: part,
      },
      pool: fc.record({ busy: fc.nat(500), most: fc.integer({ min: 2, max: 5_000 }) }),
    });
    fc.assert(
      fc.property(any, (one) => {
        const { sustainableRequestsPerSecond, users } = headroomOf(one);
        for (const value of [sustainableRequestsPerSecond, users]) expect(Number.isSafeInteger(value) && value >= 0).toBe(true);
      }),
    );
  });
});
