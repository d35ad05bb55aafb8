import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config/config.js';
import { RedisStorage } from '../../src/http/limits/redis.storage.js';
import { rulesOf, WINDOW_MS, type Rule, type Rules } from '../../src/http/limits/rules.js';
import { scriptWith } from '../../src/http/limits/script.js';
import { closeRedis, connectRedis, RedisAway, RedisGate, type RedisClient } from '../../src/redis/redis.client.js';
import { redisKey } from '../../src/redis/keys.js';
import { freshRedis } from '../support/fresh.js';
import { eventually, labEnvironment } from '../support/lab.js';
import { recordedLog } from '../support/recorded-log.js';
import { freshRedisCluster } from '../support/redis-cluster.js';

const CLOCK = redisKey('limits', 'clock');
const lua = scriptWith(`redis.call('GET', '${CLOCK}') + 0`);

let server: Awaited<ReturnType<typeof freshRedis>>;
let client: Redis;
let now = 1_000;
let people = 0;
let away = false;
/** What a frozen server was asked, which it does when it wakes. */
let frozen: (() => Promise<unknown>)[] | undefined;
const someone = () => `someone-${(people += 1)}`;

beforeAll(async () => {
  server = await freshRedis();
  client = new Redis({ path: server.url.replace('unix://', '') });
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

const gate = {
  get away() {
    return away;
  },
  run: <T>(work: (redis: RedisClient) => Promise<T>) => {
    if (!away && !frozen) return work(client);
    frozen?.push(() => work(client));
    return Promise.reject(new RedisAway('away'));
  },
};

function rulesFor(processes: number, limit: number): Rules {
  const config = readConfig(labEnvironment('postgres://nowhere/none', server.url, { WORKERS: String(processes) }));
  return rulesOf({ ...config, RATE_LIMIT_IP_PER_MINUTE: limit });
}

/** So many processes of one installation, whose clock and whose Redis's clock is `now`. */
function processes(many: number, limit: number): { rule: Rule; all: RedisStorage[] } {
  const rules = rulesFor(many, limit);
  const all = Array.from({ length: many }, () => new RedisStorage(rules, gate, recordedLog().log, () => now, lua));
  return { rule: rules.address, all };
}

async function wait(ms: number): Promise<void> {
  now += ms;
  await client.set(CLOCK, now);
}

async function rush(rule: Rule, all: RedisStorage[], who: string, many: number): Promise<number> {
  const verdicts = await Promise.all(Array.from({ length: many }, async (_, n) => all[n % all.length]!.take(rule, who)));
  return verdicts.filter(({ passed }) => passed).length;
}

/** The most that any minute saw, of moments in their order. */
function busiestMinute(moments: readonly number[]): number {
  let first = 0;
  return moments.reduce((most, moment, at) => {
    while (moments[first]! + WINDOW_MS <= moment) first += 1;
    return Math.max(most, at - first + 1);
  }, 0);
}

const limits = fc.constantFrom(1, 5, 60, 100, 101, 300, 600);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('ask' as const), process: fc.nat(2), many: fc.integer({ min: 1, max: 150 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 50, 300, 999, 1_001, 5_000, 29_000, 59_500, 61_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('give back' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), process: fc.nat(2) }) },
);

describe('whatever is asked when and where', () => {
  it('no minute sees more than the limit, and after a minute of rest all is there again', async () => {
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { minLength: 5, maxLength: 40 }), async (limit, steps) => {
        await wait(2 * WINDOW_MS);
        const { rule, all } = processes(3, limit);
        const who = someone();
        const passed: number[] = [];
        for (const one of steps) {
          if (one.kind === 'wait') await wait(one.ms);
          else if (one.kind === 'give back') for (const each of all) each.giveBack();
          else if (one.kind === 'restart') all[one.process] = processes(3, limit).all[0]!;
          else passed.push(...Array<number>(await rush(rule, [all[one.process]!], who, one.many)).fill(now));
        }
        expect(busiestMinute(passed)).toBeLessThanOrEqual(limit);
        await wait(WINDOW_MS + 1_000);
        const rested = await rush(rule, all, who, 2 * limit);
        expect(rested).toBeLessThanOrEqual(limit);
        expect(rested).toBeGreaterThanOrEqual(limit <= 100 ? limit : 0.95 * limit);
      }),
      { numRuns: 300 },
    );
  });

  it('what is told holds: nothing is free before Retry-After, one is then, and all after Reset', async () => {
    await fc.assert(
      fc.asyncProperty(limits, fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 5 }), async (limit, pauses) => {
        await wait(2 * WINDOW_MS);
        const { rule, all } = processes(2, limit);
        const who = someone();
        for (const ms of pauses) {
          await rush(rule, all, who, Math.ceil(limit / pauses.length));
          await wait(ms);
        }
        await rush(rule, all, who, 2 * limit);
        // What is on lease is back by then.
        await wait(1_001);
        for (const each of all) each.giveBack();
        await rush(rule, all, who, 2 * limit);
        const { passed, freeIn, fullIn } = await all[0]!.take(rule, who);
        fc.pre(!passed);
        await wait((freeIn - 1) * 1_000 - 1);
        if (freeIn > 1) expect(await rush(rule, all, who, 1)).toBe(0);
        await wait(1_001);
        const one = await rush(rule, [all[1]!], who, 1);
        expect(one).toBe(1);
        await wait((fullIn - freeIn) * 1_000);
        expect(await rush(rule, all, who, 2 * limit)).toBeGreaterThanOrEqual(limit <= 100 ? limit - 1 : 0.95 * limit - 1);
      }),
      { numRuns: 200 },
    );
  });

  it('no more than a twentieth lies unused in processes, however many machines there are', async () => {
    await wait(2 * WINDOW_MS);
    const { rule, all } = processes(2, 600);
    const machines = Array.from({ length: 8 }, () => processes(2, 600).all).flat();
    const who = someone();
    let passed = 0;
    for (let round = 0; round < 5; round += 1) for (const each of machines) passed += await rush(rule, [each], who, 2);
    passed += await rush(rule, all, who, 1_000);
    expect(passed).toBeGreaterThanOrEqual(570);
    expect(passed).toBeLessThanOrEqual(600);
  });

  it('while Redis is away each process passes its share, and tells Redis afterwards', async () => {
    await fc.assert(
      fc.asyncProperty(limits, fc.constantFrom(0, 0, 3, 50, 700), fc.nat(30_000), async (limit, before, ms) => {
        await wait(2 * WINDOW_MS);
        const { rule, all } = processes(3, limit);
        const who = someone();
        const first = await rush(rule, all, who, before);
        away = true;
        await wait(ms);
        const alone = await rush(rule, all, who, 3 * limit);
        expect(alone).toBeLessThanOrEqual(3 * rule.share);
        if (before === 0) expect(alone).toBe(3 * rule.share);
        away = false;
        // What a process passed alone is known to the others from its next question on.
        let after = 0;
        for (const each of all) after += await rush(rule, [each], who, 1);
        after += await rush(rule, all, who, 3 * limit);
        if (limit >= all.length && before === 0) expect(alone + after).toBeLessThanOrEqual(limit + all.length - 1);
        expect(first + after).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a Redis that was frozen', () => {
  it('never lets more pass than the limit, whatever of what it was asked it does when it wakes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(3, 60, 101, 600, 1_000),
        fc.nat(100),
        fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 700 }), fc.nat(300)), { minLength: 1, maxLength: 6 }),
        fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 700 }), fc.nat(600)), { minLength: 1, maxLength: 12 }),
        fc.func(fc.boolean()),
        async (limit, before, meanwhile, after, isLost) => {
          await wait(2 * WINDOW_MS);
          const { rule, all } = processes(3, limit);
          const who = someone();
          let passed = await rush(rule, all, who, Math.min(before, rule.share));
          frozen = [];
          // Each process hears of it.
          for (const each of all) passed += await rush(rule, [each], who, 1);
          for (const [process, many, ms] of meanwhile) {
            passed += await rush(rule, [all[process]!], who, many);
            await wait(ms);
          }
          const asked = frozen;
          frozen = undefined;
          for (const [at, work] of asked.entries()) if (!isLost(at)) await work();
          // As its timer would.
          const told = now + 250;
          for (const [process, many, ms] of after) {
            passed += await rush(rule, [all[process]!], who, many);
            await wait(ms);
            if (now > told) for (const each of all) each.giveBack();
            await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
          }
          expect(passed).toBeLessThanOrEqual(limit);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('a Redis cluster', () => {
  it('counts as one server does, many callers in one question', async () => {
    const cluster = await freshRedisCluster();
    const connection = connectRedis(cluster.url, 'tested', recordedLog().log);
    const clustered = new RedisGate(connection, 5_000);
    await eventually(
      async () => clustered.away,
      (gone) => !gone,
    );
    const all = [1, 2].map(() => new RedisStorage(rulesFor(2, 60), clustered, recordedLog().log));
    const crowd = Array.from({ length: 300 }, someone);
    const passed = await Promise.all(crowd.map((who) => rush(all[0]!.rules.address, all, who, 80)));
    expect(new Set(passed)).toEqual(new Set([60]));
    expect(all[0]!.figures.asked).toBeLessThan(10);
    await closeRedis(connection);
    await cluster.stop();
  });
});
