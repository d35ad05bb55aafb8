import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endOf } from '../../src/ai/budget/statements.js';
import { farOr } from '../support/drills.js';
import { freshDatabase } from '../support/fresh.js';

const HOUR = 3_600_000;
const [FIRST, LAST] = ['2000-01-01', '2040-12-31'];

let database: Awaited<ReturnType<typeof freshDatabase>>;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

const clocks = new Map<string, Intl.DateTimeFormat>();
/** What a clock there shows, such as `2026-11-22, 10:30:00`; in the order of time, but for where it is put back. */
function shownIn(zone: string, at: number): string {
  const clock =
    clocks.get(zone) ?? new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium', hourCycle: 'h23' });
  clocks.set(zone, clock);
  return clock.format(at);
}
const dateIn = (zone: string, at: number) => shownIn(zone, at).slice(0, 10);

/** The first instant at which a later date is there than this one, found by nothing but looking at the clock each minute. */
function firstAfter(day: string, zone: string): number {
  // No zone is further from UTC than fifteen hours.
  let at = Date.parse(day) + 9 * HOUR;
  while (dateIn(zone, at) <= day) at += 60_000;
  return at;
}

async function inDatabase(day: string, zone: string): Promise<number> {
  const [row] = await database.rows<{ at: Date }>(`SELECT ${endOf('$1::date', '$2')} AS at`, [day, zone]);
  return row!.at.getTime();
}

/** Both know zones by tables of their own, which may be of different years. */
async function clocksAgree(zone: string, at: number): Promise<boolean> {
  const [row] = await database.rows<{ shown: string }>(
    `SELECT to_char(to_timestamp($1::float8 / 1000) AT TIME ZONE $2, 'YYYY-MM-DD, HH24:MI:SS') AS shown`,
    [at, zone],
  );
  return row!.shown === shownIn(zone, at);
}

const dayAfter = (day: string, days = 1) => new Date(Date.parse(day) + days * 24 * HOUR).toISOString().slice(0, 10);

/** The weeks in which clocks there are put on or back, day by day. */
const changes = new Map<string, string[]>();
function changesIn(zone: string): string[] {
  const known = changes.get(zone);
  if (known) return known;
  const found: string[] = [];
  const timeOn = (day: string) => shownIn(zone, Date.parse(day)).slice(12);
  for (let day = FIRST; day < LAST; day = dayAfter(day, 7))
    if (timeOn(day) !== timeOn(dayAfter(day, 7))) found.push(...Array.from({ length: 9 }, (_, n) => dayAfter(day, n - 1)));
  changes.set(zone, found);
  return found;
}

describe('A day of the budget', () => {
  it.each([
    ['America/Sao_Paulo', '2018-11-04', 23],
    ['America/Sao_Paulo', '2018-02-17', 25],
    ['America/Sao_Paulo', '2025-12-31', 24],
    ['Asia/Beirut', '2022-03-27', 23],
    ['Asia/Beirut', '2022-10-29', 25],
    ['Africa/Cairo', '2024-04-26', 23],
    ['Africa/Cairo', '2023-10-26', 25],
    ['America/Havana', '2025-03-09', 23],
    ['America/Havana', '2025-11-02', 25],
    ['America/St_Johns', '2010-11-06', 24],
    ['America/St_Johns', '2010-11-07', 25],
    ['Antarctica/Vostok', '2023-12-17', 24],
    ['Antarctica/Vostok', '2023-12-18', 26],
    ['Australia/Lord_Howe', '2026-04-05', 24.5],
    ['Europe/Lisbon', '2026-03-29', 23],
    ['Asia/Kathmandu', '2024-02-29', 24],
    ['Pacific/Kiritimati', '2024-12-31', 24],
    ['Pacific/Apia', '2011-12-29', 24],
    ['Pacific/Apia', '2011-12-30', 0],
    ['Pacific/Apia', '2011-12-31', 24],
  ])('in %s is on %s of %d hours', async (zone, day, hours) => {
    const [begins, ends] = [await inDatabase(dayAfter(day, -1), zone), await inDatabase(day, zone)];
    expect((ends - begins) / HOUR).toBe(hours);
    expect(ends).toBe(firstAfter(day, zone));
  });

  it(
    'ends when another date begins, in whatever zone',
    async () => {
      const anyDay = fc
        .date({ min: new Date(FIRST), max: new Date(LAST), noInvalidDate: true })
        .map((date) => date.toISOString().slice(0, 10));
      const nth = fc.oneof({ weight: 1, arbitrary: fc.constant(undefined) }, { weight: 2, arbitrary: fc.nat(1_000) });
      const property = fc.asyncProperty(fc.constantFrom(...Intl.supportedValuesOf('timeZone')), anyDay, nth, async (zone, some, n) => {
        const special = n === undefined ? [] : changesIn(zone);
        const day = special[(n ?? 0) % special.length] ?? some;
        const [is, wanted] = [await inDatabase(day, zone), firstAfter(day, zone)];
        if (is !== wanted) fc.pre(await clocksAgree(zone, Math.min(is, wanted)));
        expect({ zone, day, at: new Date(is) }).toEqual({ zone, day, at: new Date(wanted) });
      });
      await fc.assert(property, { numRuns: farOr(50_000, 300), interruptAfterTimeLimit: farOr(600_000, 10_000), endOnFailure: true });
    },
    farOr(1_200_000, 60_000),
  );
});
