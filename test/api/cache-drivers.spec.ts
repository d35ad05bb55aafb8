import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Entry } from '../../src/http/cache/entry.js';
import { addressOf } from '../../src/http/cache/address.js';
import type { Found } from '../../src/http/cache/process.tier.js';
import { RedisTier } from '../../src/http/cache/redis.tier.js';
import { pause } from '../../src/kernel/waiting.js';
import { CacheRedis } from '../../src/redis/cache.redis.js';
import { freshRedis } from '../support/fresh.js';
import { eventually } from '../support/lab.js';
import { recordedLog } from '../support/recorded-log.js';
import { freshRedisCluster } from '../support/redis-cluster.js';

const SLACK_MS = 2_000;
const opened: CacheRedis[] = [];
afterEach(() => {
  for (const redis of opened.splice(0)) redis.close();
});

function open(url: string) {
  const { log, lines } = recordedLog();
  const redis = new CacheRedis(url, log);
  opened.push(redis);
  return { redis, lines, tier: new RedisTier(redis, () => Infinity) };
}
const ready = (redis: CacheRedis) =>
  eventually(
    async () => redis.away,
    (away) => !away,
  );
const back = (redis: CacheRedis) =>
  eventually(
    () => redis.ask(() => ['PING']).then(String, () => 'away'),
    (answer) => answer === 'PONG',
  );

const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
const address = addressOf('/some/path?page=1', ['one', 'two'])!;
const found = async (versions: readonly string[], body: string): Promise<Found> => ({
  entry: await Entry.of(Buffer.from(body), { 'content-type': 'text/plain' }, 60_000, versions),
  began: 0,
  until: 0,
  stamp: { versions, token: 'none' },
});
const textIn = (stored: unknown) => (stored as { value: Found } | undefined)?.value.entry.form(false).body.toString();

interface Server {
  url: string;
  freeze: () => void;
  thaw: () => void;
  keys: () => Promise<string[]>;
  stop: () => Promise<void>;
}

async function single(): Promise<Server> {
  const redis = await freshRedis();
  return {
    ...redis,
    freeze: () => void redis.freeze(),
    thaw: () => void redis.thaw(),
    keys: () => redis.ask((client) => client.keys('*')),
  };
}

async function cluster(): Promise<Server> {
  const redis = await freshRedisCluster();
  const all = (act: (node: number) => unknown) => redis.nodes.forEach((_, node) => act(node));
  return { ...redis, freeze: () => all(redis.freeze), thaw: () => all(redis.thaw), keys: async () => (await redis.keys()).flat() };
}

describe.each([
  ['a single node, through cache-manager-redis-store', single],
  ['a cluster, through @keyv/redis', cluster],
])('%s', (_name, start) => {
  let server: Server;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.stop());

  it('keeps bytes as they are, and tells what is not there', async () => {
    const { redis } = open(server.url);
    await ready(redis);
    await redis.ask((key) => ['SET', key('entry', 'bytes'), bytes, 'PX', '60000']);
    expect(await redis.ask((key) => ['MGET', key('entry', 'bytes'), key('entry', 'nothing')])).toEqual([bytes, null]);
    for (const key of await server.keys()) expect(key).toMatch(/^\{cache\}:[\da-f]{40}:entry:/);
  });

  it('keeps an entry only while nothing it was made of is dropped', async () => {
    const { redis, tier } = open(server.url);
    await ready(redis);
    const first = await tier.begin(address, 60_000, true);
    expect(first).toMatchObject({ ours: true, versions: [expect.any(String), expect.any(String)] });
    expect(await tier.set(address, { value: await found(first!.versions, 'first') }, 60_000)).toBe(true);
    expect(textIn(await tier.get(address))).toBe('first');
    expect(await tier.drop(['two'])).toBe(true);
    expect(await tier.get(address)).toBeUndefined();
    // Too late: the drop came between.
    expect(await tier.set(address, { value: await found(first!.versions, 'late') }, 60_000)).toBe(false);
    expect(await tier.get(address)).toBeUndefined();
    const second = await tier.begin(address, 60_000, false);
    expect(second!.versions[0]).toBe(first!.versions[0]);
    expect(second!.versions[1]).not.toBe(first!.versions[1]);
    expect(await tier.set(address, { value: await found(second!.versions, 'second') }, 60_000)).toBe(true);
    expect(textIn(await tier.get(address))).toBe('second');
    await tier.delete(address);
    expect(await tier.get(address)).toBeUndefined();
  });

  it('lets one of many load, and the next where nothing came of it', async () => {
    const { redis, tier } = open(server.url);
    await ready(redis);
    const where = addressOf('/locked', ['lock'])!;
    const all = await Promise.all(Array.from({ length: 10 }, () => tier.begin(where, 1_000, true)));
    const mine = all.filter((stamp) => stamp?.ours);
    expect(mine).toHaveLength(1);
    expect(new Set(all.map((stamp) => stamp?.versions[0])).size).toBe(1);
    await tier.release(where, { token: 'someone else', versions: [] });
    expect((await tier.begin(where, 1_000, true))?.ours).toBe(false);
    await tier.release(where, mine[0]!);
    expect((await tier.begin(where, 1_000, true))?.ours).toBe(true);
  });

  it('keeps nothing for ever', async () => {
    const { redis, tier } = open(server.url);
    await ready(redis);
    const where = addressOf('/short', ['short'])!;
    const stamp = await tier.begin(where, 50, true);
    expect(await tier.set(where, { value: await found(stamp!.versions, 'short') }, 50)).toBe(true);
    await eventually(
      async () => tier.get(where),
      (kept) => kept === undefined,
    );
    const lives = (await redis.ask((key) => ['PTTL', key('tag', 'short')])) as number;
    expect(lives).toBeGreaterThan(0);
    expect(lives).toBeLessThanOrEqual(60_050);
  });

  it('is not away because it says no', async () => {
    const { redis } = open(server.url);
    await ready(redis);
    for (let n = 0; n < 5; n += 1) await expect(redis.ask((key) => ['INCRBY', key('entry', 'x'), 'y'])).rejects.toThrow(/^ERR /);
    expect(redis.away).toBe(false);
  });

  it('that is frozen holds nobody up, and is there again when it thaws', async () => {
    const { redis, tier } = open(server.url);
    await ready(redis);
    server.freeze();
    try {
      const began = performance.now();
      for (let n = 0; n < 20; n += 1) {
        expect(await tier.get(address)).toBeUndefined();
        expect(await tier.begin(address, 1_000, true)).toBeUndefined();
        expect(await tier.drop(['one'])).toBe(false);
      }
      expect(performance.now() - began).toBeLessThan(3 * 150 + SLACK_MS);
      expect(redis.away).toBe(true);
    } finally {
      server.thaw();
    }
    await back(redis);
  });
});

describe('a server that', () => {
  it('is not there at the start is found later, with one line for each', async () => {
    const server = await freshRedis();
    await server.kill();
    const { redis, lines } = open(server.url);
    await eventually(
      async () => lines.length,
      (many) => many > 0,
    );
    await pause(500);
    expect(redis.away).toBe(true);
    await expect(redis.ask(() => ['PING'])).rejects.toThrow('redis is away');
    await server.start();
    await ready(redis);
    expect(lines.map(({ msg }) => msg)).toEqual(['redis is away', 'redis is back']);
    await server.stop();
  });

  it('comes back with all that it had saved counts as empty', async () => {
    const server = await freshRedis({ appendonly: 'yes', appendfsync: 'always' });
    const { redis, tier } = open(server.url);
    await ready(redis);
    const stamp = await tier.begin(address, 60_000, false);
    expect(await tier.set(address, { value: await found(stamp!.versions, 'old') }, 60_000)).toBe(true);
    await server.kill();
    await server.start();
    await back(redis);
    expect(await server.ask((client) => client.keys('*'))).toHaveLength(3);
    expect(await tier.get(address)).toBeUndefined();
    expect((await tier.begin(address, 60_000, false))!.versions).not.toEqual(stamp!.versions);
    await server.stop();
  });

  it('wants a password and has several databases gets what it wants', async () => {
    const door = createServer().listen(0, '127.0.0.1');
    await once(door, 'listening');
    const { port } = door.address() as AddressInfo;
    await once(door.close(), 'close');
    const server = await freshRedis({ port: String(port), requirepass: 'p@ss word' });
    const { redis } = open(`redis://:${encodeURIComponent('p@ss word')}@127.0.0.1:${port}/3`);
    await ready(redis);
    await redis.ask((key) => ['SET', key('entry', 'x'), 'y']);
    expect(String(await redis.ask(() => ['CLIENT', 'GETNAME']))).toBe('mutirao-cache');
    expect(String(await redis.ask(() => ['INFO', 'keyspace']))).toMatch(/^db3:keys=1/m);
    await server.stop();
    const locked = await freshRedisCluster('p@ss word');
    const other = open(locked.url);
    await ready(other.redis);
    await locked.stop();
  });
});
