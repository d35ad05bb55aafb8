import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLimits, someone, withStatus, type Answer } from '../support/limits.js';

type System = Awaited<ReturnType<typeof openLimits>>;
let system: System;
let people = 0;

interface Case {
  limit: number;
  path: string;
  body?: unknown;
  /** Someone who has not asked yet. */
  caller: () => Record<string, string>;
}
const person = () => ({ ...someone(), authorization: `Bearer person-${(people += 1)}` });
const browse = { path: '/limits/browse', caller: person };
const costly = { path: '/limits/costly', caller: person };

function rushes({ limit, path, body, caller }: Case): Promise<Answer[][]> {
  const many = Math.max(300, Math.round(limit * 1.4));
  return system.undisturbed(async () => {
    const who = caller();
    return [await system.volley(many, path, who, body), await system.volley(many, path, who, body)];
  });
}

const settings = {
  RATE_LIMIT_IP_PER_MINUTE: '5000',
  RATE_LIMIT_USER_PER_MINUTE: '600',
  RATE_LIMIT_PER_MINUTE: '60',
  RATE_LIMIT_AUTH_PER_MINUTE: '5',
};
const others = { RATE_LIMIT_IP_PER_MINUTE: '0', RATE_LIMIT_USER_PER_MINUTE: '101', RATE_LIMIT_PER_MINUTE: '100' };

describe.each([
  {
    settings,
    cases: [
      { limit: 5, path: '/limits/sign-in', body: { account: '' }, caller: someone },
      { limit: 60, ...costly },
      { limit: 600, ...browse },
      { limit: 5_000, ...browse, caller: someone },
    ],
  },
  {
    settings: others,
    cases: [
      { limit: 100, ...costly },
      { limit: 101, ...browse },
    ],
  },
])('of many at once in two processes', ({ settings: env, cases }) => {
  beforeAll(async () => {
    system = await openLimits(env);
  });
  afterAll(() => system.close());

  it.each<Case>(cases)('a limit of $limit passes as many, and no more in a second rush', async (one) => {
    const { limit } = one;
    const [first = [], second = []] = await rushes(one);
    const passed = [first, second].map((answers) => withStatus(answers, 200) + withStatus(answers, 201));
    expect(withStatus([...first, ...second], 429)).toBe(first.length + second.length - passed[0]! - passed[1]!);
    if (limit <= 100) expect(passed).toEqual([limit, 0]);
    expect(passed[0]).toBeGreaterThanOrEqual(0.95 * limit);
    expect(passed[0]! + passed[1]!).toBeLessThanOrEqual(limit);
    // What is told is never more than what is there.
    for (const { status, headers } of first) if (status !== 429) expect(Number(headers['x-ratelimit-remaining'])).toBeLessThan(limit);
  });
});
