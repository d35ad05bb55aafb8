import { afterAll, beforeAll, expect, it } from 'vitest';
import { pause } from '../../src/kernel/waiting.js';
import { as, ask, openCache } from '../support/cache.js';

let system: Awaited<ReturnType<typeof openCache>>;
beforeAll(async () => {
  system = await openCache();
});
afterAll(() => system.close());

/** The connections of both processes to their cache. */
const links = () =>
  system.redis.ask(async (redis) => {
    const list = String(await redis.client('LIST')).split('\n');
    return list.filter((line) => line.includes('name=mutirao-cache')).map((line) => /\bid=(\d+)/.exec(line)?.[1] ?? '');
  });

it('who changes something while a link to Redis is cut sees it with his next question in another process', async () => {
  const [writing, reading] = system.urls();
  const seen: [version: number, of: number][] = [];
  for (let round = 0; round < 4; round += 1)
    for (const which of [0, 1]) {
      await system.up();
      const name = `someone-${round}-${which}`;
      const mine = () => ask(`${reading}/notes/${name}/mine`, as(name));
      await system.edit(name, writing);
      await mine();
      expect((await mine()).cache).toContain('detail=redis');
      const ids = await links();
      expect(ids.length).toBe(2);
      await system.redis.ask((redis) => redis.client('KILL', 'ID', Number(ids[which])));
      const version = await system.edit(name, writing);
      seen.push([Number((await mine()).json.version), version]);
    }
  expect(seen.filter(([version, of]) => version < of)).toEqual([]);
});

it('nobody waits for a load that a frozen Redis took for begun when it woke', async () => {
  const [url] = system.urls();
  const times: number[] = [];
  for (const id of ['first', 'second', 'third']) {
    await system.edit(id, url);
    await system.up();
    system.redis.freeze();
    await ask(`${url}/notes/${id}`);
    system.redis.thaw();
    // What the process kept for itself is over, the lock of nobody is not.
    await pause(1_100);
    const began = performance.now();
    expect((await ask(`${url}/notes/${id}`)).status).toBe(200);
    times.push(performance.now() - began);
  }
  expect(Math.max(...times)).toBeLessThan(500);
});
