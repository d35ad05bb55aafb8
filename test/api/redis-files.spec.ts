import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/lab.js';
import { openPeople, type People } from '../support/people.js';
import { aPort, openFolder, runTool, type Running } from '../support/tools.js';

const WORD = 'a-word-of-tests';

interface Server extends Running {
  url: string;
}

/** The very file, at a place of this machine, with the users of the example. */
async function startRedis(kind: 'cache' | 'queue'): Promise<Server> {
  const folder = openFolder(`redis-${kind}`);
  chmodSync(folder, 0o700);
  const port = await aPort();
  const acl = join(folder, 'users.acl');
  writeFileSync(acl, readFileSync('docker/redis/users.example.acl', 'utf8').replace('a-long-password', WORD));
  const file = join(folder, 'redis.conf');
  const text = readFileSync(`docker/redis/${kind}.conf`, 'utf8');
  writeFileSync(
    file,
    text.replace('bind * -::*', 'bind 127.0.0.1').replace('port 6379', `port ${port}`).replace('/run/secrets/redis_acl', acl),
  );
  const url = `redis://mutirao:${WORD}@127.0.0.1:${port}`;
  const answers = () =>
    ask(url, (client) => client.ping()).then(
      () => true,
      () => false,
    );
  return { ...(await runTool('redis-server', [file, '--dir', folder], folder, answers)), url };
}

async function ask<T>(url: string, question: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await question(client);
  } finally {
    client.disconnect();
  }
}

let cache: Server;
let queue: Server;
beforeAll(async () => {
  [cache, queue] = await Promise.all([startRedis('cache'), startRedis('queue')]);
});
afterAll(() => Promise.all([cache.stop(), queue.stop()]));

const told = (server: Server, name: string) => ask(server.url, async (client) => ((await client.config('GET', name)) as string[])[1]);

describe('The files of Redis', () => {
  it('let in nobody without a name, and nobody do harm', async () => {
    const open = new URL(queue.url);
    open.username = '';
    open.password = '';
    await expect(ask(open.href, (client) => client.get('x'))).rejects.toThrow();
    for (const harm of ['FLUSHALL', 'CONFIG SET maxmemory 1', 'KEYS *', 'SHUTDOWN', 'ACL LIST']) {
      const [command = '', ...words] = harm.split(' ');
      await expect(ask(queue.url, (client) => client.call(command, ...words))).rejects.toThrow('NOPERM');
    }
  });

  it('let an operator do what the runbooks say', async () => {
    const operator = new URL(queue.url);
    operator.username = 'operator';
    operator.password = 'another-long-password';
    for (const order of ['CONFIG SET maxmemory 1gb', 'ACL LOAD', 'BGREWRITEAOF', 'FLUSHALL']) {
      const [command = '', ...words] = order.split(' ');
      expect(await ask(operator.href, (client) => client.call(command, ...words))).toMatch(/OK|Background/);
    }
  });

  it('make one forget the oldest, and the other keep everything', async () => {
    expect([await told(cache, 'maxmemory'), await told(cache, 'maxmemory-policy')]).toEqual([String(2 * 1024 ** 3), 'allkeys-lru']);
    expect([await told(cache, 'appendonly'), await told(cache, 'save')]).toEqual(['no', '']);
    expect(await told(queue, 'maxmemory-policy')).toBe('noeviction');
    expect([await told(queue, 'appendonly'), await told(queue, 'save')]).toEqual(['yes', '900 1 300 100 60 10000']);
  });

  describe('with the system on them', () => {
    let people: People;
    beforeAll(async () => {
      people = await openPeople({ REDIS_URL: queue.url, CACHE_REDIS_URL: cache.url, APP_ROLE: 'all' });
    });
    afterAll(() => people.close());

    it('do all that it asks of them', async () => {
      const { accessToken } = await people.person();
      expect((await people.ask('/health')).json.details).toMatchObject({ redis: { status: 'up' }, queues: { status: 'up' } });
      expect((await people.send('GET', '/users/me', undefined, accessToken)).status).toBe(200);
      await eventually(
        () => people.rows(`SELECT FROM outbox WHERE queue = 'mail'`),
        (left) => left.length === 0,
      );
      expect(people.lines.filter(({ err }) => JSON.stringify(err ?? '').includes('NOPERM'))).toEqual([]);
    });
  });
});
