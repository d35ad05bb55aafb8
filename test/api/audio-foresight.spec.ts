import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Foresight, type Ahead, type Past } from '../../src/queues/audio/line/foresight.js';
import { allowance, enginesAtOnce } from '../../src/queues/audio/line/machine.js';
import { handicapSeconds, priorities, type Priority } from '../../src/outbox/contracts.js';

interface Simulated {
  priority: Priority;
  aboutSeconds: number;
  cameMs: number;
  rankMs: number;
  promisedMs: number;
  expectedMs: number;
  workMs: number;
  beganMs?: number;
  endedMs?: number;
}

/** A day of recordings of all lengths and priorities, whose work takes now more, now less than it should. */
function simulated(seed: number, { load, slots, jobs }: { load: number; slots: number; jobs: number }): Simulated[] {
  let state = seed;
  const random = () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
  const normal = () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  const all: Simulated[] = [];
  const past: Past[] = [];
  let now = 0;
  const line: Simulated[] = [];
  const running: Simulated[] = [];
  const begin = () => {
    line.sort((a, b) => a.rankMs - b.rankMs);
    while (running.length < slots && line.length > 0) {
      const next = line.shift()!;
      next.beganMs = now;
      next.endedMs = now + 200 + next.workMs;
      running.push(next);
    }
  };
  const upTo = (ms: number) => {
    for (;;) {
      const first = running.toSorted((a, b) => a.endedMs! - b.endedMs!)[0];
      if (!first || first.endedMs! > ms) break;
      now = first.endedMs!;
      running.splice(running.indexOf(first), 1);
      const { priority, aboutSeconds, workMs, expectedMs, promisedMs, cameMs } = first;
      past.unshift({ priority, aboutSeconds, workedMs: workMs, expectedMs, promisedMs, tookMs: now - cameMs });
      begin();
    }
    now = ms;
  };
  const overtaking = (handicap: number) => {
    const higher = all.filter(({ priority, cameMs }) => cameMs > now - 120_000 && handicapSeconds[priority] < handicap);
    return { overtaking: higher.length / 120, overtakingSeconds: higher.reduce((sum, { aboutSeconds }) => sum + aboutSeconds, 0) / 120 };
  };
  for (let count = 0; count < jobs; count += 1) {
    const aboutSeconds = Math.min(3_600, Math.exp(3.5 + normal()));
    const workMs = 22 * (aboutSeconds + 7) * Math.exp(0.25 * normal());
    upTo(now + (-Math.log(random()) * 22 * (Math.exp(4) + 7)) / slots / load);
    const priority = priorities[Math.floor(random() * 3)]!;
    const rankMs = now + handicapSeconds[priority] * 1_000;
    const before = line.filter((other) => other.rankMs < rankMs);
    const ahead: Ahead = {
      waiting: before.length,
      waitingSeconds: before.reduce((sum, other) => sum + other.aboutSeconds, 0),
      running: running.length,
      runningSeconds: running.reduce(
        (sum, { aboutSeconds: seconds, beganMs, workMs: ms }) => sum + seconds * Math.max(0, 1 - (now - beganMs!) / ms),
        0,
      ),
      slots,
      laterMs: 0,
      ...overtaking(handicapSeconds[priority]),
    };
    const late = line
      .filter((other) => now - other.cameMs > other.promisedMs)
      .map((other) => ({ ...other, workedMs: null, tookMs: now - other.cameMs }));
    const foresight = new Foresight([...late.slice(0, 100), ...past].slice(0, 200));
    const expectedMs = foresight.expectedMs(aboutSeconds, ahead);
    const one = { aboutSeconds, cameMs: now, rankMs, workMs, expectedMs, promisedMs: foresight.promisedMs(expectedMs, priority), priority };
    all.push(one);
    line.push(one);
    begin();
  }
  upTo(Infinity);
  return all;
}

const keptOf = (jobs: readonly Simulated[]) =>
  jobs.filter(({ cameMs, endedMs, promisedMs }) => endedMs! - cameMs <= promisedMs).length / jobs.length;

it.each([
  ['a quiet', 0.3],
  ['a usual', 0.6],
  ['a busy', 0.85],
])('on %s day nine of ten recordings end before it was said', (_name, load) => {
  for (const slots of [1, 2, 4]) {
    // What it has to learn first does not count.
    const kept = [1, 2, 3, 4].map((seed) => keptOf(simulated(seed * 1_013, { load, slots, jobs: 900 }).slice(100)));
    const whole = kept.reduce((sum, part) => sum + part, 0) / kept.length;
    expect(whole).toBeGreaterThanOrEqual(0.85);
    expect(whole).toBeLessThanOrEqual(0.95);
  }
});

it('says a number, whatever it has seen', () => {
  const past = fc.record({
    priority: fc.constantFrom(...priorities),
    promisedMs: fc.double({ min: 0, max: 1e7, noNaN: true }),
    aboutSeconds: fc.double({ min: 0, max: 3_600, noNaN: true }),
    workedMs: fc.option(fc.double({ min: 0, max: 900_000, noNaN: true })),
    expectedMs: fc.double({ min: 0, max: 1e7, noNaN: true }),
    tookMs: fc.double({ min: 0, max: 1e7, noNaN: true }),
  });
  const ahead = fc.record({
    waiting: fc.nat(500),
    waitingSeconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
    running: fc.nat(64),
    runningSeconds: fc.double({ min: 0, max: 1e5, noNaN: true }),
    slots: fc.integer({ min: 1, max: 64 }),
    laterMs: fc.nat(1e6),
    overtaking: fc.double({ min: 0, max: 100, noNaN: true }),
    overtakingSeconds: fc.double({ min: 0, max: 1e4, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(past, { maxLength: 200 }), ahead, fc.double({ min: 0, max: 3_600, noNaN: true }), (seen, before, seconds) => {
      const foresight = new Foresight(seen);
      const promised = foresight.promisedMs(foresight.expectedMs(seconds, before), 'low');
      expect(Number.isFinite(promised) && promised >= 1).toBe(true);
    }),
  );
});

it.each([
  ['nobody bounds', {}, undefined, undefined],
  ['a group bounds to one core and a half', { 'cpu.max': '150000 100000' }, 1.5, undefined],
  ['a group leaves all', { 'cpu.max': 'max 100000', 'memory.max': 'max' }, undefined, undefined],
  ['a group bounds to a gigabyte', { 'memory.max': String(1024 ** 3) }, undefined, 1024 ** 3],
  [
    'an older group bounds',
    { 'cpu/cpu.cfs_quota_us': '50000', 'cpu/cpu.cfs_period_us': '100000', 'memory/memory.limit_in_bytes': '536870912' },
    0.5,
    536870912,
  ],
  ['an older group leaves all', { 'cpu/cpu.cfs_quota_us': '-1', 'cpu/cpu.cfs_period_us': '100000' }, undefined, undefined],
])('takes as much of the machine as %s', (_name, files, cores, memoryBytes) => {
  const groups = mkdtempSync(join(tmpdir(), 'mutirao-groups-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(groups, name)), { recursive: true });
    writeFileSync(join(groups, name), `${text}\n`);
  }
  const [whole, found] = [allowance('/nowhere'), allowance(groups)];
  rmSync(groups, { recursive: true });
  expect(found).toEqual({
    cores: Math.min(whole.cores, cores ?? Infinity),
    memoryBytes: Math.min(whole.memoryBytes, memoryBytes ?? Infinity),
  });
});

it('begins an engine for each core, as far as memory goes, and never none', () => {
  const GB = 1024 ** 3;
  expect(enginesAtOnce({ cores: 8, memoryBytes: 64 * GB })).toBe(8);
  expect(enginesAtOnce({ cores: 8, memoryBytes: 2 * GB })).toBe(2);
  expect(enginesAtOnce({ cores: 0.5, memoryBytes: GB / 4 })).toBe(1);
});
