import { afterAll, beforeAll, expect, it } from 'vitest';
import { readsOf } from '../../src/http/cache/reads.js';
import { CacheRedis } from '../../src/redis/cache.redis.js';
import { freshRedis } from '../support/fresh.js';
import { recordedLog } from '../support/recorded-log.js';

let redis: Awaited<ReturnType<typeof freshRedis>>;
let cache: CacheRedis;
beforeAll(async () => {
  redis = await freshRedis();
  cache = new CacheRedis(redis.url, recordedLog().log);
  await cache.connected;
});
afterAll(async () => {
  cache.close();
  await redis.stop();
});

const asked = async () => Number(/cmdstat_mget:calls=(\d+)/.exec(String(await cache.ask(() => ['INFO', 'commandstats'])))?.[1] ?? 0);

it('What many look for in one turn is found by few questions, each his own; and by nobody where Redis does not answer', async () => {
  for (let n = 0; n < 100; n += 2) await cache.ask((key) => ['SET', key('entry', String(n)), `of ${n}`]);
  const before = await asked();
  const read = readsOf(cache);
  const look = (n: number) => read((key) => [key('entry', String(n)), ...(n % 3 === 0 ? [key('entry', '0')] : [])]);
  const found = await Promise.all(Array.from({ length: 100 }, (_, n) => look(n)));
  expect(found.map((some) => some?.map((bytes) => bytes && String(bytes)))).toEqual(
    found.map((_, n) => [n % 2 === 0 ? `of ${n}` : null, ...(n % 3 === 0 ? ['of 0'] : [])]),
  );
  expect((await asked()) - before).toBe(2);

  redis.freeze();
  try {
    expect(await Promise.all(Array.from({ length: 100 }, (_, n) => look(n)))).toEqual(Array.from({ length: 100 }));
  } finally {
    redis.thaw();
  }
});
