import fc from 'fast-check';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Budget, Exhausted, type OpenCall } from '../../src/ai/budget/budget.service.js';
import { BudgetStore } from '../../src/ai/budget/budget.store.js';
import { endOf } from '../../src/ai/budget/statements.js';
import type { Warnings } from '../../src/ai/budget/warnings.js';
import { Prices } from '../../src/ai/budget/prices.js';
import { readConfig } from '../../src/config/config.js';
import { Questions } from '../../src/database/questions.js';
import { newId } from '../../src/kernel/ids.js';
import { createLog } from '../../src/observability/log.js';
import { freshDatabase } from '../support/fresh.js';
import { labEnvironment } from '../support/lab.js';

const LIMIT = 10_000;

let database: Awaited<ReturnType<typeof freshDatabase>>;
/** Of two processes, for all that the database knows. */
let budgets: Budget[];
let sources: DataSource[];
let person: string;

function budgetOf(db: DataSource): Budget {
  const prices = JSON.stringify({ m: { input: 1, output: 2 } });
  const config = readConfig(
    labEnvironment(database.url, '', {
      REDIS_URL: undefined,
      AI_DAILY_TOKENS: String(LIMIT),
      AI_BASE_URL: 'http://127.0.0.1:9',
      AI_MODEL: 'm',
      AI_PRICES: prices,
    }),
  );
  const log = createLog({ LOG_LEVEL: 'silent', DEBUG: false }, 'tests');
  const warnings = { tell: () => undefined } as unknown as Warnings;
  return new Budget(new BudgetStore(db, new Questions(db, config), config), new Prices(config, log), warnings, log);
}

beforeAll(async () => {
  database = await freshDatabase();
  sources = [1, 2].map(() => new DataSource({ type: 'postgres', url: database.url, extra: { max: 20 } }));
  await Promise.all(sources.map((source) => source.initialize()));
  budgets = sources.map(budgetOf);
});
beforeEach(async () => {
  person = newId();
  await database.rows(`INSERT INTO users (id, email, name, role) VALUES ($1, $2, 'Ana', 'donor')`, [person, `${person}@example.org`]);
});
afterAll(async () => {
  await Promise.all(sources.map((source) => source.destroy()));
  await database.drop();
});

const reserve = (at: number, prompt: number, completion: number, streaming = false) =>
  budgets[at % 2]!.reserve({ userId: person, model: 'm', streaming, prompt, completion }, new AbortController());
const settle = (at: number, call: OpenCall, completionTokens: number, promptTokens = call.prompt) =>
  budgets[at % 2]!.settle(call, { promptTokens, completionTokens });
const standing = () => budgets[0]!.standing(person);
const codeOf = (fault: unknown) => (fault instanceof Exhausted ? fault.code : fault);

describe('A budget', () => {
  it('takes no call that does not fit, and gives less where the most does not', async () => {
    const first = await reserve(0, 500, 9_000);
    expect(first.completion).toBe(9_000);
    const second = await reserve(1, 400, 1_000);
    expect(second.completion).toBe(100);
    await expect(reserve(0, 0, 1).catch(codeOf)).resolves.toBe('token_budget_exhausted');
    await settle(0, first, 300);
    expect(await standing()).toMatchObject({ limit: LIMIT, used: 800, reserved: 500, costNanos: (500 + 600) * 1_000 });
    await expect(reserve(0, 8_637, 64).catch(codeOf)).resolves.toBe('token_budget_exhausted');
    expect((await reserve(0, 8_636, 64)).completion).toBe(64);
  });

  it('is never charged more than was kept back, and nothing for what was not used', async () => {
    const liar = await reserve(0, 100, 200);
    await settle(0, liar, 1_000_000, 7_000);
    expect(await standing()).toMatchObject({ used: 300, reserved: 0 });
    const unsent = await reserve(0, 100, 200);
    await settle(0, unsent, 0, 0);
    expect(await standing()).toMatchObject({ used: 300, reserved: 0 });
  });

  it('is settled once', async () => {
    const call = await reserve(0, 100, 200);
    await Promise.all(Array.from({ length: 8 }, (_, at) => settle(at, call, 50)));
    expect(await standing()).toMatchObject({ used: 150, reserved: 0 });
  });

  it('passes just as many of two hundred at once, over two processes, as fit', async () => {
    const tried = await Promise.allSettled(Array.from({ length: 200 }, (_, at) => reserve(at, 300, 100)));
    const calls = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(calls).toHaveLength(25);
    expect(await standing()).toMatchObject({ used: 0, reserved: LIMIT });
    await Promise.all(calls.map((call, at) => settle(at, call, 1)));
    expect(await standing()).toMatchObject({ used: 25 * 301, reserved: 0 });
  });

  it('charges calls that are under way at midnight to the day on which they began, and the new day is whole', async () => {
    const before = await Promise.all(Array.from({ length: 25 }, (_, at) => reserve(at, 300, 100)));
    await expect(reserve(0, 300, 100).catch(codeOf)).resolves.toBe('token_budget_exhausted');
    // What it would find a day later.
    await database.rows(
      `WITH later AS (UPDATE ai_calls SET day = day - 1 WHERE user_id = $1) UPDATE ai_days SET day = day - 1 WHERE user_id = $1`,
      [person],
    );
    const settled = Promise.all(before.map((call, at) => settle(at, call, 50)));
    const tried = await Promise.allSettled(Array.from({ length: 100 }, (_, at) => reserve(at, 300, 100)));
    const after = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(after).toHaveLength(25);
    await settled;
    await Promise.all(after.map((call, at) => settle(at, call, 1)));
    expect(await standing()).toMatchObject({ used: 25 * 301, reserved: 0 });
    const days = await database.rows('SELECT used::int, reserved::int FROM ai_days WHERE user_id = $1 ORDER BY day', [person]);
    expect(days).toEqual([
      { used: 25 * 350, reserved: 0 },
      { used: 25 * 301, reserved: 0 },
    ]);
  });

  it('opens five streams of one person at once, and no sixth', async () => {
    const tried = await Promise.allSettled(Array.from({ length: 20 }, (_, at) => reserve(at, 1, 64, true)));
    const open = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(open).toHaveLength(5);
    expect(new Set(tried.flatMap((one) => (one.status === 'rejected' ? [codeOf(one.reason)] : [])))).toEqual(new Set(['too_many_streams']));
    expect((await reserve(0, 1, 64)).completion).toBe(64);
    await settle(0, open[0]!, 0);
    await expect(reserve(1, 1, 64, true)).resolves.toMatchObject({ completion: 64 });
  });

  it('is the plan’s, or one’s own, with what was granted until that expires', async () => {
    await database.rows(`UPDATE plans SET daily_tokens = 700 WHERE id = (SELECT plan_id FROM users WHERE id = $1)`, [person]);
    expect((await standing()).limit).toBe(700);
    await database.rows('INSERT INTO ai_budgets (user_id, daily_tokens) VALUES ($1, 50)', [person]);
    expect((await standing()).limit).toBe(50);
    for (const until of ['1 hour', '-1 second'])
      await database.rows(
        `INSERT INTO ai_grants (id, user_id, tokens, reason, granted_by, granted_at, expires_at) VALUES ($1, $2, 1000, 'r', $2, now(), now() + $3::interval)`,
        [newId(), person, until],
      );
    expect((await standing()).limit).toBe(1_050);
    await database.rows(`UPDATE plans SET daily_tokens = NULL`);
  });

  it('holds at every step of whatever many do at once', async () => {
    const step = fc.record({ at: fc.nat(1), prompt: fc.nat(2_000), completion: fc.integer({ min: 1, max: 4_000 }), used: fc.nat(9_000) });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 8 }), async (lanes) => {
        person = newId();
        await database.rows(`INSERT INTO users (id, email, name, role) VALUES ($1, $2, 'Ana', 'donor')`, [person, `${person}@example.org`]);
        let charged = 0;
        await Promise.all(
          lanes.map(async (lane) => {
            for (const { at, prompt, completion, used } of lane) {
              const call = await reserve(at, prompt, completion).catch(codeOf);
              if (typeof call === 'string') continue;
              const { completion: most } = call as OpenCall;
              const [row] = await database.rows<{ total: number }>(
                'SELECT (used + reserved)::int AS total FROM ai_days WHERE user_id = $1',
                [person],
              );
              expect(row?.total).toBeLessThanOrEqual(LIMIT);
              charged += Math.min(prompt + used, prompt + most);
              await settle(at + 1, call as OpenCall, used);
            }
          }),
        );
        const { used, reserved } = await standing();
        expect([used, reserved]).toEqual([charged, 0]);
        expect(used).toBeLessThanOrEqual(LIMIT);
      }),
      { numRuns: 25 },
    );
  });
});

describe('A day of the budget', () => {
  const zones = [
    'America/Sao_Paulo',
    'America/Havana',
    'Asia/Beirut',
    'Pacific/Apia',
    'Europe/Lisbon',
    'Australia/Lord_Howe',
    'America/Asuncion',
    'Asia/Kathmandu',
    'UTC',
  ];
  const dateIn = (zone: string, at: Date) => new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' }).format(at);

  it.each([
    ['America/Sao_Paulo', '2018-11-03', '2018-11-04T03:00:00.000Z'],
    ['America/Sao_Paulo', '2018-02-17', '2018-02-18T03:00:00.000Z'],
    ['America/Havana', '2025-11-01', '2025-11-02T04:00:00.000Z'],
    ['Pacific/Apia', '2011-12-29', '2011-12-30T10:00:00.000Z'],
    ['Europe/Lisbon', '2026-03-28', '2026-03-29T00:00:00.000Z'],
  ])('in %s, %s ends at %s', async (zone, day, end) => {
    const [row] = await database.rows<{ at: Date }>(`SELECT ${endOf('$1::date', '$2')} AS at`, [day, zone]);
    expect(row?.at.toISOString()).toBe(end);
  });

  it('ends when another date begins there, and not before', async () => {
    const days = fc.date({ min: new Date('1995-01-01'), max: new Date('2025-01-01'), noInvalidDate: true });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...zones), days, async (zone, date) => {
        const day = dateIn(zone, date);
        const [row] = await database.rows<{ at: Date }>(`SELECT ${endOf('$1::date', '$2')} AS at`, [day, zone]);
        const end = row!.at;
        expect(dateIn(zone, end) > day).toBe(true);
        expect(dateIn(zone, new Date(end.getTime() - 1))).toBe(day);
      }),
      { numRuns: 500 },
    );
  });
});
