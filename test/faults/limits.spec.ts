import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pause } from '../../src/kernel/waiting.js';
import { farOr } from '../support/drills.js';
import { eventually } from '../support/lab.js';
import { ask, openLimits, someone, withStatus, type Answer } from '../support/limits.js';

// The promise is 150 ms; the rest is for a machine that has other things to do. Who is held up waits for ever.
const DEADLINE_MS = 150;
const SLACK_MS = 5_000;
const LIMIT = 60;
const SHARE = 30;

let system: Awaited<ReturnType<typeof openLimits>>;
beforeAll(async () => {
  system = await openLimits({ RATE_LIMIT_IP_PER_MINUTE: String(LIMIT) });
});
afterAll(() => system.close());

const rush = (caller: Record<string, string>, many = 300) => system.volley(many, '/limits/browse', caller);
const slowest = (answers: Answer[]) => Math.max(...answers.map(({ ms }) => ms));

/** Both processes ask Redis again, and it answers. */
const counting = () =>
  eventually(
    async () => {
      const before = await system.figures();
      await Promise.all(system.urls.map((url) => ask(`${url}/limits/browse`, someone())));
      return (await system.figures()).every(({ asked, alone }, at) => asked > before[at]!.asked && alone === before[at]!.alone);
    },
    (so) => so,
  );

async function expectShares() {
  const caller = someone();
  const answers = await rush(caller);
  expect([withStatus(answers, 200), withStatus(answers, 429)]).toEqual([2 * SHARE, 300 - 2 * SHARE]);
  for (const { headers } of answers) expect(headers).toMatchObject({ 'x-ratelimit-limit': String(LIMIT) });
  expect(withStatus(await rush(caller), 200)).toBe(0);
  return answers;
}

async function expectExact() {
  await counting();
  const [answers = []] = await system.undisturbed(async () => [await rush(someone())]);
  expect([withStatus(answers, 200), withStatus(answers, 429)]).toEqual([LIMIT, 300 - LIMIT]);
}

describe('a Redis that', () => {
  it('is killed in the middle of a rush fails nobody, and each process goes on with its share', async () => {
    const caller = someone();
    const rushing = rush(caller, 600);
    await pause(50);
    await system.redis.kill();
    const answers = await rushing;
    const passed = withStatus(answers, 200);
    expect(passed + withStatus(answers, 429)).toBe(600);
    expect(passed).toBeGreaterThanOrEqual(SHARE);
    // One process may have passed more than its share while Redis said so.
    expect(passed).toBeLessThanOrEqual(LIMIT + SHARE);
    expect(slowest(answers)).toBeLessThan(DEADLINE_MS + SLACK_MS);
    await expectShares();
    expect(await system.alone()).toBeGreaterThan(0);
    await system.redis.start();
    await expectExact();
  });

  it('is frozen holds nobody up, and counts again when it thaws', async () => {
    const caller = someone();
    await rush(caller, 20);
    system.redis.freeze();
    try {
      const answers = await rush(someone());
      expect(withStatus(answers, 200) + withStatus(answers, 429)).toBe(300);
      expect(slowest(answers)).toBeLessThan(DEADLINE_MS + SLACK_MS);
      await expectShares();
      // What a process passed before counts into its share.
      const more = withStatus(await rush(caller), 200);
      expect(more).toBeLessThanOrEqual(LIMIT - 20);
      expect(more).toBeGreaterThan(0);
    } finally {
      system.redis.thaw();
    }
    await counting();
    // What was passed meanwhile is known to Redis now, as far as each process has asked again.
    expect(withStatus(await rush(caller), 200)).toBeLessThanOrEqual(SHARE);
    await expectExact();
  });

  it('is full is as good as away, and that is told', async () => {
    const set = (bytes: string) => system.redis.ask((redis) => redis.config('SET', 'maxmemory', bytes));
    await set('1');
    const answers = await expectShares();
    expect(slowest(answers)).toBeLessThan(DEADLINE_MS + SLACK_MS);
    await set('0');
    await expectExact();
  });

  it('forgets its scripts gets them again', async () => {
    await system.redis.ask((redis) => redis.script('FLUSH'));
    await expectExact();
  });

  it('keeps nothing for ever', async () => {
    await rush(someone(), 20);
    const lives = await system.redis.ask(async (redis) => {
      const keys = await redis.keys('{limits}*');
      return Promise.all(keys.map((key) => redis.pttl(key)));
    });
    expect(lives.length).toBeGreaterThan(0);
    for (const life of lives) expect(life !== -1 && life <= 62_000).toBe(true);
  });
});

it('a limit of a thousand holds over the minute in which Redis froze and thawed', async () => {
  const large = await openLimits({ RATE_LIMIT_IP_PER_MINUTE: '1000' });
  for (const ms of farOr([0, 500, 1_500], [500])) {
    const caller = someone();
    large.redis.freeze();
    const frozen = await large.volley(2_000, '/limits/browse', caller);
    large.redis.thaw();
    await pause(ms);
    const thawed = await large.volley(1_000, '/limits/browse', caller);
    const passed = withStatus([...frozen, ...thawed], 200);
    expect(passed).toBeLessThanOrEqual(1_000);
    expect(passed).toBeGreaterThan(400);
    expect(withStatus([...frozen, ...thawed], 429)).toBe(3_000 - passed);
  }
  await large.close();
});

describe('tokens on lease', () => {
  it('come back when nobody comes for them', async () => {
    const leasing = await openLimits({ RATE_LIMIT_IP_PER_MINUTE: '2000' });
    const caller = someone();
    let asked = 0;
    const left = async () => {
      const answer = await ask(`${leasing.urls[asked % 2]}/limits/browse`, caller);
      asked += 1;
      return Number(answer.headers['x-ratelimit-remaining']);
    };
    // One after the other, as only who comes again is lent to.
    while (asked < 30) await left();
    await eventually(
      async () => {
        await pause(1_500);
        return { left: await left(), asked };
      },
      (now) => now.left === 2_000 - now.asked,
    );
    await leasing.close();
  });
});
