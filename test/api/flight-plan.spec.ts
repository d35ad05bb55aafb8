import fc from 'fast-check';
import { expect, it } from 'vitest';
import { flightPlan, type Flight } from '../../src/queues/whatsapp/broadcasts/flight-plan.js';
import { quietUntil } from '../../src/queues/whatsapp/quiet-hours.js';

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 10, 30, 15);
const flight = (more: Partial<Flight> = {}): Flight => ({
  ...{ nowMs: NOON, nextMs: NOON, perSecond: 20, ahead: { direct: 0, broadcast: 0, opens: 0 }, willGo: 600, opens: 0 },
  ...{ tier: undefined, opened: [], quiet: undefined, timeZone: 'America/Sao_Paulo' },
  ...more,
});
const secondsOf = (plan: { endsMs: number }, from = NOON) => (plan.endsMs - from) / 1_000;

it('keeps the pace', () => {
  const plan = flightPlan(flight());
  expect(secondsOf(plan)).toBeCloseTo(0.5 + 599 / 20, 3);
  expect(plan).toMatchObject({ startsMs: NOON + 500, days: [{ day: '2026-11-30', messages: 600 }], waits: [] });
});

it('waits for what is ahead', () => {
  const plan = flightPlan(flight({ ahead: { direct: 200, broadcast: 1_000, opens: 0 }, willGo: 1 }));
  expect(plan.waits).toEqual([{ reason: 'ahead', untilMs: plan.startsMs }]);
  expect(secondsOf(plan)).toBeCloseTo(60.5, 3);
});

it('rests in the quiet hours, and goes on', () => {
  const quiet = { from: 12 * 60 + 1, to: 8 * 60 };
  const plan = flightPlan(flight({ quiet, willGo: 2_400 }));
  expect(plan.waits).toEqual([{ reason: 'quiet_hours', untilMs: NOON + 20 * 3_600_000 }]);
  expect(plan.days.map(({ day }) => day)).toEqual(['2026-11-30', '2026-12-01']);
  expect(plan.days[0]!.messages).toBe(1_190);
});

it('writes first to no more than the tier allows within a day, and meanwhile to those who were written to', () => {
  const plan = flightPlan(flight({ tier: 1_000, opened: [{ atMs: NOON - 3_600_000, count: 900 }], willGo: 700, opens: 200 }));
  expect(plan.waits).toEqual([{ reason: 'tier', untilMs: NOON - 3_600_000 + DAY_MS }]);
  expect(plan.days).toEqual([
    { day: '2026-11-30', messages: 600 },
    { day: '2026-12-01', messages: 100 },
  ]);
});

it('waits behind those ahead who may be written to first, but only where it has such too', () => {
  const given = {
    tier: 1_000,
    opened: [{ atMs: NOON - 3_600_000, count: 900 }],
    ahead: { direct: 0, broadcast: 300, opens: 300 },
    willGo: 100,
  };
  const behind = flightPlan(flight({ ...given, opens: 100 }));
  expect(behind.waits.map(({ reason }) => reason)).toEqual(['ahead', 'tier', 'ahead']);
  expect(secondsOf(behind, NOON - 3_600_000 + DAY_MS)).toBeCloseTo(299 / 20, 3);
  expect(secondsOf(flightPlan(flight({ ...given, opens: 0 })))).toBeCloseTo(0.5 + 199 / 20, 3);
});

it('of nobody is over where it would begin', () => {
  expect(flightPlan(flight({ willGo: 0 }))).toEqual({ startsMs: NOON + 500, endsMs: NOON + 500, days: [], waits: [] });
});

const flights = fc.record({
  nowMs: fc.integer({ min: NOON, max: NOON + 3 * DAY_MS }),
  perSecond: fc.integer({ min: 1, max: 200 }),
  ahead: fc.record({ direct: fc.nat(3_000), broadcast: fc.nat(3_000), opens: fc.nat(3_000) }),
  willGo: fc.nat(3_000),
  opens: fc.nat(3_000),
  tier: fc.option(fc.integer({ min: 100, max: 2_000 }), { nil: undefined }),
  opened: fc
    .array(fc.record({ agoMs: fc.nat(DAY_MS), count: fc.integer({ min: 1, max: 300 }) }), { maxLength: 5 })
    .map((all) => all.sort((one, other) => other.agoMs - one.agoMs)),
  quiet: fc.option(fc.record({ from: fc.nat(1_439), to: fc.nat(1_439) }), { nil: undefined }),
});
const flightOf = ({ opened, ...rest }: typeof flights extends fc.Arbitrary<infer T> ? T : never): Flight =>
  flight({ ...rest, nextMs: rest.nowMs, opened: opened.map(({ agoMs, count }) => ({ atMs: rest.nowMs - agoMs, count })) });

it('is never faster than the pace, the tier and the quiet hours allow', () => {
  fc.assert(
    fc.property(flights.map(flightOf), (given) => {
      const { startsMs, endsMs, days } = flightPlan(given);
      const { direct, broadcast } = given.ahead;
      const opens = Math.min(given.opens, given.willGo);
      const opensAhead = Math.min(given.ahead.opens, direct + broadcast);
      // Whoever need not be written to first waits for none of those.
      const passed = given.tier !== undefined && given.willGo > 0 && opens === 0 ? opensAhead : 0;
      expect(days.reduce((sum, { messages }) => sum + messages, 0)).toBe(given.willGo);
      expect(endsMs - given.nowMs).toBeGreaterThanOrEqual(((direct + broadcast - passed + given.willGo - 1) / given.perSecond) * 1_000);
      for (const ms of given.willGo > 0 ? [startsMs, endsMs] : []) expect(quietUntil(ms, given.quiet, given.timeZone)).toBeUndefined();
      if (given.tier === undefined || opens === 0) return;
      expect(endsMs - given.nowMs).toBeGreaterThanOrEqual((Math.ceil((opens + opensAhead) / given.tier) - 1) * DAY_MS);
      const used = given.opened.filter(({ atMs }) => atMs + DAY_MS > endsMs).reduce((sum, { count }) => sum + count, 0);
      if (endsMs < given.nowMs + DAY_MS) expect(used + opens + opensAhead).toBeLessThanOrEqual(Math.max(given.tier, used));
    }),
    { numRuns: 150 },
  );
});

it('ends no earlier with one more to go, one more ahead, or one more to be written to first', () => {
  fc.assert(
    fc.property(flights.map(flightOf), (given) => {
      const { endsMs } = flightPlan(given);
      const { ahead, willGo, opens } = given;
      for (const more of [
        { willGo: willGo + 1 },
        { ahead: { ...ahead, direct: ahead.direct + 1 } },
        { ahead: { ...ahead, broadcast: ahead.broadcast + 1 } },
        { ahead: { ...ahead, opens: ahead.opens + 1 } },
        { opens: opens + 1 },
      ])
        // Whoever was written to first is remembered by the second.
        expect(flightPlan({ ...given, ...more }).endsMs).toBeGreaterThanOrEqual(endsMs - 1_000);
    }),
    { numRuns: 100 },
  );
});
