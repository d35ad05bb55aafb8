import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quietUntil } from '../../src/queues/whatsapp/quiet-hours.js';
import { DAY_MS, gapMs, inOrder, ONE_OF, turnsOf, type Due, type TurnRules } from '../../src/queues/whatsapp/turns.js';

const START = 1_000_000_000;
const moment = fc.option(fc.integer({ min: START - 2 * DAY_MS, max: START + DAY_MS }), { nil: null });
const people = fc.array(
  fc.record({ nextMs: fc.integer({ min: START - 5_000, max: START + 5_000 }), windowMs: moment, openedMs: moment, optedOut: fc.boolean() }),
  { minLength: 1, maxLength: 5 },
);
const line = people.chain((known) =>
  fc
    .array(fc.record({ who: fc.nat(known.length - 1), isText: fc.boolean() }), { maxLength: 60 })
    .map((all) =>
      all.map(({ who, isText }, at): Due => ({ id: String(at), phone: `+${who}`, isText, lane: 'direct', rankMs: at, ...known[who]! })),
    ),
);
const rules: fc.Arbitrary<TurnRules> = fc.record({
  perSecond: fc.integer({ min: 1, max: 200 }),
  pairMs: fc.constant(6_100),
  untilMs: fc.integer({ min: START, max: START + 2_000 }),
  room: fc.integer({ min: 1, max: 50 }),
  enforcesWindow: fc.boolean(),
  openingsLeft: fc.oneof(fc.constant(Infinity), fc.nat(5)),
  opensAgainMs: fc.constant(START + DAY_MS),
});

describe('Turns', () => {
  it('keep the pace, the distance between two to one telephone, the openings of a day, and the order', () =>
    fc.assert(
      fc.property(line, rules, (due, rule) => {
        const { taken, later, suppressed, closed, nextMs } = turnsOf(due, START, rule);
        const gap = 1_000 / rule.perSecond;
        taken.forEach(({ atMs }, at) => expect(atMs).toBeCloseTo(START + at * gap, 3));
        expect(nextMs).toBeCloseTo(START + taken.length * gap, 3);
        expect(taken.length).toBeLessThanOrEqual(rule.room);
        expect(taken.filter(({ opens }) => opens).length).toBeLessThanOrEqual(rule.openingsLeft);
        for (const { atMs } of taken) expect(atMs).toBeLessThanOrEqual(rule.untilMs);
        const byId = new Map(due.map((one) => [one.id, one]));
        const last = new Map<string, number>();
        for (const { id, phone, atMs } of taken) {
          expect(atMs - (last.get(phone) ?? -Infinity)).toBeGreaterThanOrEqual(rule.pairMs);
          expect(atMs).toBeGreaterThanOrEqual(byId.get(id)!.nextMs);
          last.set(phone, atMs);
        }
        for (const { id, atMs } of later) expect(atMs).toBeGreaterThanOrEqual(Math.min(byId.get(id)!.nextMs, rule.opensAgainMs));
        // Nobody who wants nothing gets anything, and nobody is told twice what becomes of him.
        expect(taken.filter(({ id }) => byId.get(id)!.optedOut)).toEqual([]);
        const told = [...taken.map(({ id }) => id), ...later.map(({ id }) => id), ...suppressed, ...closed];
        expect(new Set(told).size).toBe(told.length);
        // Whoever is not told stays where he is, behind all who are.
        expect([...told].sort((a, b) => Number(a) - Number(b))).toEqual(due.slice(0, told.length).map(({ id }) => id));
        const order = taken.map(({ id }) => Number(id));
        expect(order).toEqual([...order].sort((a, b) => a - b));
      }),
    ));
});

describe('The order', () => {
  const waiting = fc.array(fc.record({ lane: fc.constantFrom('direct', 'broadcast'), rankMs: fc.nat(1_000) }), { maxLength: 60 });
  it('gives people their turns before broadcasts, and keeps one of five for those that have come to their age', () =>
    fc.assert(
      fc.property(waiting, fc.nat(20), (all, firstTurn) => {
        const due = [...all]
          .sort((a, b) => a.rankMs - b.rankMs)
          .map((one, at): Due => ({
            id: String(at),
            phone: '+1',
            isText: false,
            nextMs: 0,
            windowMs: null,
            openedMs: null,
            optedOut: false,
            ...one,
          }));
        const order = inOrder(due, firstTurn);
        expect(new Set(order.map(({ id }) => id)).size).toBe(due.length);
        for (const lane of ['direct', 'broadcast'])
          expect(order.filter((one) => one.lane === lane)).toEqual(due.filter((one) => one.lane === lane));
        order.forEach((one, at) => {
          const next = order.slice(at).find(({ lane }) => lane !== one.lane);
          if (!next) return;
          const isKept = (firstTurn + at) % ONE_OF === 0;
          const aged = (one.lane === 'broadcast' ? one : next).rankMs < (one.lane === 'direct' ? one : next).rankMs;
          expect(one.lane).toBe(isKept && aged ? 'broadcast' : 'direct');
        });
      }),
    ));
});

describe('The distance between two turns', () => {
  const LATE_MS = 40;
  it.each(Array.from({ length: 200 }, (_, at) => at + 1))(
    'at %i a second lets no second have too many, though one call is late, and is near to it',
    (rate) => {
      const most = Math.floor(rate * 1.05);
      // From the first of them to the one that would be too many.
      expect(most * gapMs(rate)).toBeGreaterThan(1_000 + LATE_MS);
      expect(1_000 / gapMs(rate)).toBeGreaterThan(rate * 0.95);
    },
  );
});

describe('Quiet hours', () => {
  const night = { from: 21 * 60, to: 8 * 60 };
  it.each([
    ['2026-11-29T23:59:30Z', undefined],
    ['2026-11-30T00:00:00Z', '2026-11-30T11:00:00Z'],
    ['2026-11-30T03:30:40Z', '2026-11-30T11:00:00Z'],
    ['2026-11-30T10:59:59Z', '2026-11-30T11:00:00Z'],
    ['2026-11-30T11:00:00Z', undefined],
  ])('at %s end %s', (now, end) =>
    expect(quietUntil(Date.parse(now), night, 'America/Sao_Paulo')).toBe(end === undefined ? undefined : Date.parse(end)),
  );
  it('are none where none are told, or where they would last no time', () => {
    expect(quietUntil(0, undefined, 'UTC')).toBeUndefined();
    expect(quietUntil(0, { from: 60, to: 60 }, 'UTC')).toBeUndefined();
  });
});
