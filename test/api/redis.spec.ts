import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pause } from '../../src/kernel/waiting.js';
import { closeRedis, connectRedis, Gate, RedisGate, type RedisClient } from '../../src/redis/redis.client.js';
import { openApp } from '../support/app.js';
import { asEver, putBackMs } from '../support/clocks.js';
import { refusalOf } from '../support/database.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { eventually, labEnvironment } from '../support/lab.js';
import { recordedLog, type LogLine } from '../support/recorded-log.js';

// The promise is 150 ms, and half a second of rest; the rest is for a machine that has other things to do.
const DEADLINE_MS = 150;
const REST_MS = 500;
const SLACK_MS = 600;

let redis: Awaited<ReturnType<typeof freshRedis>>;
let client: RedisClient;
let gate: RedisGate;
let lines: LogLine[];

const get = () => gate.run((one) => one.get('key'));
const answers = async () =>
  get().then(
    () => true,
    () => false,
  );
const timed = async <T>(work: Promise<T>) => {
  const began = performance.now();
  const result = await work;
  return { result, ms: performance.now() - began };
};
const tellings = (msg: string, of: LogLine[] = lines) => of.filter((line) => line.msg === msg).length;

/** Fails as often as it takes for the gate to close. */
const untilShut = () =>
  eventually(
    async () => (await answers(), gate.away),
    (away) => away,
  );

beforeAll(async () => {
  redis = await freshRedis({ 'busy-reply-threshold': '50' });
  const recorded = recordedLog();
  lines = recorded.lines;
  client = connectRedis(redis.url, 'tested', recorded.log);
});

beforeEach(async () => {
  gate = new RedisGate(client);
  await eventually(answers, Boolean);
  lines.length = 0;
});

afterAll(async () => {
  await closeRedis(client);
  await redis.stop();
});

it('is not blamed where it was this process that stood still', async () => {
  const asked = get();
  const until = performance.now() + 3 * DEADLINE_MS;
  while (performance.now() < until);
  await expect(asked).resolves.toBe(await get());
});

it('is waited for a second time, and no more, where it answers others meanwhile', async () => {
  const other = new Gate({}, () => true, 60);
  const after = (ms: number) => other.run(() => pause(ms).then(() => ms));
  expect((await refusalOf(after(90))).name).toBe('RedisAway');
  expect(await Promise.all([after(90), after(30)])).toEqual([90, 30]);
  const [never] = await Promise.all([timed(refusalOf(other.run(() => new Promise(() => undefined)))), after(30)]);
  expect(never.result.name).toBe('RedisAway');
  expect(never.ms).toBeGreaterThan(110);
});

describe('a Redis that is frozen', () => {
  it('lets nobody wait beyond the deadline, and after a few failures nobody wait at all', async () => {
    redis.freeze();
    try {
      const first = await timed(Promise.all(Array.from({ length: 200 }, () => refusalOf(get()))));
      expect(new Set(first.result.map(({ name }) => name))).toEqual(new Set(['RedisAway']));
      expect(first.ms).toBeGreaterThan(DEADLINE_MS - 20);
      expect(first.ms).toBeLessThan(DEADLINE_MS + SLACK_MS);

      let asked = 0;
      const ask = () =>
        gate.run((one) => {
          asked += 1;
          return one.get('key');
        });
      const shut = await Promise.all(Array.from({ length: 500 }, () => refusalOf(ask())));
      expect(asked).toBe(0);
      expect(new Set(shut.map(({ message }) => message))).toEqual(new Set(['redis is away']));
      expect(gate.away).toBe(true);

      for (let round = 1; round <= 2; round += 1) {
        await eventually(
          async () => gate.away,
          (away) => !away,
        );
        const trial = await Promise.all(Array.from({ length: 500 }, () => refusalOf(ask())));
        expect(asked).toBe(round);
        expect(trial.filter(({ message }) => message === 'redis did not answer')).toHaveLength(1);
      }
    } finally {
      redis.thaw();
    }
  });

  it('serves again soon after it is thawed, and the one who tries opens for all', async () => {
    redis.freeze();
    await untilShut();
    redis.thaw();
    const { ms } = await timed(eventually(answers, Boolean));
    expect(ms).toBeLessThan(REST_MS + DEADLINE_MS + SLACK_MS);
    expect(await Promise.all(Array.from({ length: 100 }, answers))).toEqual(Array.from({ length: 100 }, () => true));
  });

  it('is asked again as soon, where the time of day is put back meanwhile', async () => {
    redis.freeze();
    await untilShut();
    redis.thaw();
    putBackMs(300_000);
    try {
      const { ms } = await timed(eventually(answers, Boolean));
      expect(ms).toBeLessThan(REST_MS + DEADLINE_MS + SLACK_MS);
    } finally {
      asEver();
    }
  });

  it('can be left at once', async () => {
    const other = connectRedis(redis.url, 'leaving', recordedLog().log);
    await eventually(
      async () => other.status,
      (status) => status === 'ready',
    );
    redis.freeze();
    const { ms } = await timed(closeRedis(other));
    redis.thaw();
    expect(ms).toBeLessThan(500 + SLACK_MS);
    await eventually(
      async () => other.status,
      (status) => status === 'end',
    );
  });
});

describe('a Redis that is gone', () => {
  it('lets nobody wait, is told once however long it lasts, and serves again soon after it is back', async () => {
    for (let outage = 1; outage <= 2; outage += 1) {
      let attempts = 0;
      const count = () => (attempts += 1);
      client.on('reconnecting', count);
      await redis.kill();
      await eventually(
        async () => client.status,
        (status) => status !== 'ready',
      );
      const { result, ms } = await timed(Promise.all(Array.from({ length: 500 }, () => refusalOf(get()))));
      expect(new Set(result.map(({ name }) => name))).toEqual(new Set(['RedisAway']));
      expect(ms).toBeLessThan(DEADLINE_MS);
      await eventually(
        async () => attempts,
        (many) => many >= 6,
      );
      client.off('reconnecting', count);
      expect([tellings('redis is away'), tellings('redis is back')]).toEqual([outage, outage - 1]);
      await redis.start();
      const back = await timed(eventually(answers, Boolean));
      expect(back.ms).toBeLessThan(1_000 + REST_MS + SLACK_MS);
      expect(tellings('redis is back')).toBe(outage);
    }
  });

  it('is told once where it never was there, and where it lets nobody in', async () => {
    const guarded = await freshRedis({ requirepass: 'word-of-redis' });
    const urls = ['redis://127.0.0.1:1', 'unix:///nowhere/redis.sock', guarded.url, 'redis+cluster://127.0.0.1:1,127.0.0.1:2'];
    for (const url of urls) {
      const recorded = recordedLog();
      const other = connectRedis(url, 'nowhere', recorded.log);
      await eventually(
        async () => tellings('redis is away', recorded.lines),
        (many) => many > 0,
      );
      const closed = new RedisGate(other);
      expect((await refusalOf(closed.run((one) => one.get('key')))).name, url).toBe('RedisAway');
      await pause(600);
      expect(tellings('redis is away', recorded.lines), url).toBe(1);
      await closeRedis(other);
    }
    await guarded.stop();
  });
});

describe('a Redis that says no', () => {
  it('has answered: the gate stays open', async () => {
    await redis.ask((one) => one.set('key', 'text'));
    for (let n = 0; n < 10; n += 1) {
      const refusal = await refusalOf(gate.run((one) => one.lpush('key', 'x')));
      expect([refusal.name, refusal.message]).toEqual(['ReplyError', expect.stringMatching(/^WRONGTYPE/)]);
    }
    await redis.ask((one) => one.config('SET', 'maxmemory', '1'));
    for (let n = 0; n < 10; n += 1) expect((await refusalOf(gate.run((one) => one.set('other', 'x')))).message).toMatch(/^OOM/);
    await redis.ask((one) => one.config('SET', 'maxmemory', '0'));
    expect([gate.away, await get()]).toEqual([false, 'text']);
  });

  it('is not blamed for a slip in our own code', async () => {
    for (let n = 0; n < 10; n += 1) {
      expect(await refusalOf(gate.run(async (one) => void JSON.parse((await one.get('key')) ?? '')))).toBeInstanceOf(SyntaxError);
      expect(
        await refusalOf(
          gate.run(() => {
            throw new TypeError('at once');
          }),
        ),
      ).toBeInstanceOf(TypeError);
    }
    expect(await answers()).toBe(true);
  });

  it('because it is busy with a script is as good as away, until that ends', async () => {
    const [stuck, watch] = [1, 2].map(() => new Redis({ path: redis.url.replace('unix://', ''), enableReadyCheck: false }));
    const script = stuck!.eval('while true do end', 0).catch(String);
    await eventually(
      () => watch!.get('key').then(() => '', String),
      (told) => told.includes('BUSY'),
    );
    expect((await refusalOf(get())).name).toBe('RedisAway');
    await untilShut();
    await watch!.script('KILL');
    expect(await script).toMatch(/killed/i);
    await eventually(answers, Boolean);
    for (const one of [stuck, watch]) one!.disconnect();
  });
});

describe('the application', () => {
  it('starts without any Redis, takes requests, tells once and works when one appears', async () => {
    const late = await freshRedis();
    await late.kill();
    const database = await freshDatabase();
    const system = await openApp(labEnvironment(database.url, late.url));
    const job = () => system.ask('/lab/jobs?job=lab.note&payload={"n":1}', { method: 'POST' });
    try {
      const [taken, ready, full] = await Promise.all([job(), system.ask('/health/ready'), system.ask('/health')]);
      expect([taken.status, ready.status, full.status, full.json.status]).toEqual([201, 200, 200, 'degraded']);
      const told = (msg: string) => system.lines.filter((line) => line.msg === msg).map(({ redis: name }) => String(name));
      await pause(500);
      const away = told('redis is away').sort();
      // Each connection once; Bull waits for work on one for each queue.
      expect(away.filter((name) => !/^bull-(subscriber|bclient)$/.test(name))).toEqual(['bull-client', 'cache', 'queue']);
      await pause(1_500);
      expect(told('redis is away').sort()).toEqual(away);
      await late.start();
      await eventually(
        () => system.ask('/health'),
        ({ json }) => json.status === 'ok',
      );
      await eventually(
        () => database.rows('SELECT n FROM lab_effects'),
        (rows) => rows.length === 1,
      );
      expect(told('redis is back').sort()).toEqual(away);
    } finally {
      await system.app.close();
      await Promise.all([late.stop(), database.drop()]);
    }
  });
});
