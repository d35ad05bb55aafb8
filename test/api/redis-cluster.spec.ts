import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeRedis, connectRedis, RedisGate, type RedisClient } from '../../src/redis/redis.client.js';
import { openApp } from '../support/app.js';
import { refusalOf } from '../support/database.js';
import { freshDatabase } from '../support/fresh.js';
import { eventually, labEnvironment } from '../support/lab.js';
import { recordedLog } from '../support/recorded-log.js';
import { freshRedisCluster } from '../support/redis-cluster.js';

let cluster: Awaited<ReturnType<typeof freshRedisCluster>>;
let client: RedisClient;
let gate: RedisGate;

beforeAll(async () => {
  cluster = await freshRedisCluster('word/of:cluster');
  client = connectRedis(cluster.url, 'tested', recordedLog().log);
  gate = new RedisGate(client);
  await eventually(
    async () => gate.away,
    (away) => !away,
  );
});

afterAll(async () => {
  await closeRedis(client);
  await cluster.stop();
});

describe('a Redis cluster', () => {
  it('with a frozen node answers for the others, and in time for all', async () => {
    const keys = Array.from({ length: 60 }, (_, n) => `key:${n}`);
    for (const key of keys) await gate.run((one) => one.set(key, key));
    const held = await cluster.keys();
    expect(held.map((some) => some.length > 5)).toEqual([true, true, true]);
    cluster.freeze(2);
    try {
      const began = performance.now();
      const lost = held[2]!.slice(0, 3);
      for (const key of lost) expect((await refusalOf(gate.run((one) => one.get(key)))).name).toBe('RedisAway');
      expect(performance.now() - began).toBeLessThan(2_000);
      expect(gate.away).toBe(true);
      const other = new RedisGate(client);
      for (const key of [...held[0]!, ...held[1]!]) expect(await other.run((one) => one.get(key))).toBe(key);
    } finally {
      cluster.thaw(2);
    }
    for (const key of keys)
      await eventually(
        () => gate.run((one) => one.get(key)).catch(() => undefined),
        (value) => value === key,
      );
  });

  it('that is not let in is away, told once', async () => {
    const { log, lines } = recordedLog();
    const stranger = connectRedis(cluster.url.replace(/:[^/]*@/, ':wrong@'), 'stranger', log);
    await eventually(
      async () => lines,
      (all) => all.some(({ msg }) => msg === 'redis is away'),
    );
    expect((await refusalOf(new RedisGate(stranger).run((one) => one.get('key')))).name).toBe('RedisAway');
    await closeRedis(stranger);
    expect(lines.filter(({ msg }) => msg === 'redis is away')).toHaveLength(1);
    expect(JSON.stringify(lines)).toContain('WRONGPASS');
    expect(JSON.stringify(lines)).not.toMatch(/wrong"|word.of/);
  });

  it('does the jobs of the outbox, every key of it tagged, and is judged by each of its nodes', async () => {
    for (const node of cluster.nodes) await node.flushall();
    const database = await freshDatabase();
    const system = await openApp(labEnvironment(database.url, cluster.url));
    const add = (job: string, payload: object) =>
      system.ask(`/lab/jobs?job=${job}&payload=${encodeURIComponent(JSON.stringify(payload))}`, { method: 'POST' });
    const effects = async () => (await database.rows<{ n: number }>('SELECT n FROM lab_effects ORDER BY n')).map(({ n }) => n);
    try {
      expect(
        (
          await eventually(
            () => system.ask('/health'),
            ({ json }) => json.status === 'ok',
          )
        ).status,
      ).toBe(200);
      const many = Array.from({ length: 60 }, (_, n) => n);
      const lingering = [100, 101, 102].map((n) => add('lab.linger', { n, ms: 400 }));
      await Promise.all([...lingering, ...many.map((n) => add('lab.note', { n })), add('lab.stumble', { n: 103, times: 2 })]);
      const seen = new Set<string>();
      await eventually(
        async () => {
          for (const key of (await cluster.keys()).flat()) seen.add(key);
          return effects();
        },
        (done) => done.length >= 64,
      );
      expect(await effects()).toEqual([...many, 100, 101, 102, 103]);
      // Working sets of Bull, the relay's mark: caught at work, not only what is left afterwards.
      expect([...seen].filter((key) => key.startsWith('{bull}:lab')).length).toBeGreaterThan(2);
      expect(seen).toContain('{outbox}:epoch');
      expect([...seen].filter((key) => !/^\{[a-z]+\}:/.test(key))).toEqual([]);

      await cluster.nodes[1]!.config('SET', 'maxmemory-policy', 'volatile-ttl');
      const refused = await eventually(
        () => system.ask('/health/ready'),
        ({ status }) => status === 503,
      );
      expect(refused.json.reasons).toEqual(['REDIS_URL has maxmemory-policy volatile-ttl; set it to noeviction']);
      await cluster.nodes[1]!.config('SET', 'maxmemory-policy', 'noeviction');
      await eventually(
        () => system.ask('/health/ready'),
        ({ status }) => status === 200,
      );
      expect(JSON.stringify(system.lines)).not.toMatch(/CROSSSLOT|MOVED|ReplyError/);
    } finally {
      await system.app.close();
      await database.drop();
    }
  });
});
