import { gunzipSync } from 'node:zlib';
import { Controller, Get, Module, Post } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Policy, type RoutePolicy } from '../../src/http/policy.js';
import { openApp } from '../support/app.js';
import { as, ask, openCache } from '../support/cache.js';
import { eventually, labEnvironment } from '../support/lab.js';

/** On a machine too busy for Redis to answer in its 150 ms the cache does something else, rightly; then once more. */
const busy = { retry: 3 };

let system: Awaited<ReturnType<typeof openCache>>;
let url: string;
let notes = 0;
beforeAll(async () => {
  system = await openCache({ BACKEND_CORS_ORIGINS: 'https://front.example' }, 1);
  url = `${system.urls()[0]}/notes`;
});
beforeEach(async () => {
  await system.up();
});
afterAll(() => system.close());

/** A note that nobody has asked for yet. */
const aNote = async () => {
  const id = `note-${(notes += 1)}`;
  await system.edit(id);
  return id;
};
const fromProcess = /^mutirao; hit; ttl=\d+; detail=process$/;
const fromRedis = /^mutirao; hit; ttl=\d+; detail=redis$/;
const STORED = 'mutirao; fwd=miss; stored';
const BYPASS = 'mutirao; fwd=bypass';
/** What the process holds is over after a second. */
const fromRedisAgain = (path: string) =>
  eventually(
    () => ask(`${url}/${path}`),
    ({ cache }) => fromRedis.test(cache),
  );

const cache = { seconds: 5, audience: 'everyone', tags: () => ['any'] } as const;
const base = { access: 'public', pace: 'none' } as const;

function moduleWith(get: RoutePolicy, post: RoutePolicy = base) {
  @Controller('declared')
  class DeclaredController {
    @Policy(get)
    @Get()
    read() {
      return {};
    }
    @Policy(post)
    @Post()
    write() {
      return {};
    }
  }
  @Module({ controllers: [DeclaredController] })
  class DeclaredModule {}
  return DeclaredModule;
}

describe('a declaration is refused at start', () => {
  it.each([
    ['of a life that is no whole number', moduleWith({ ...base, cache: { ...cache, seconds: 0.5 } }), 'whole number of seconds'],
    ['of a personal answer for people unknown', moduleWith({ ...base, cache: { ...cache, audience: 'me' } }), 'needs someone signed in'],
    ['of a route that writes', moduleWith(base, { ...base, cache }), 'only what is asked by GET'],
  ])('%s', async (_name, module, words) => {
    await expect(openApp(labEnvironment(system.database.url, system.redis.url, { APP_ROLE: 'api' }), [module])).rejects.toThrow(words);
  });
});

describe('what is not for keeping is made each time', busy, () => {
  it.each(['cookie', 'control', 'encoding', 'vary', 'status', 'stream', 'large'])('an answer with its own %s', async (how) => {
    const id = await aNote();
    const first = await ask(`${url}/${id}/odd?how=${how}`);
    const second = await ask(`${url}/${id}/odd?how=${how}`);
    expect([first.status, second.status]).toEqual(how === 'status' ? [203, 203] : [200, 200]);
    expect(second.text).not.toBe(first.text);
    expect([first.cache, second.cache]).toEqual(['mutirao; fwd=miss', 'mutirao; fwd=miss']);
    expect(first.headers['set-cookie'] === undefined).toBe(how !== 'cookie');
    if (how === 'control') expect(first.headers['cache-control']).toBe('private, max-age=5');
  });

  it('one whose route names its own control, and one without a body', async () => {
    const id = await aNote();
    const loads = [await ask(`${url}/${id}/declared`), await ask(`${url}/${id}/declared`)].map(({ json }) => json.loads as number);
    expect(loads[1]).toBe(loads[0]! + 1);
    expect((await ask(`${url}/${id}/odd?how=nothing`)).cache).toBe('mutirao; fwd=miss');
    expect((await ask(`${url}/${id}/odd?how=nothing`)).cache).toBe('mutirao; fwd=miss');
  });

  it('a refusal, and the route works as soon as it can', async () => {
    const id = `later-${(notes += 1)}`;
    expect((await ask(`${url}/${id}`)).status).toBe(404);
    expect((await ask(`${url}/${id}?fail=1`)).status).toBe(409);
    await system.edit(id);
    expect((await ask(`${url}/${id}`)).status).toBe(200);
  });

  it('a route that declares nothing, and nobody may keep it either', async () => {
    const { headers } = await ask(`${url}/any/plain`);
    expect(headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(headers['cache-status']).toBeUndefined();
    expect((await ask(`${url}/nobody`)).headers['cache-control']).toBe('no-store');
  });
});

describe('a kept answer', busy, () => {
  it('comes from the process, then from Redis, with the same bytes and what a client needs to keep it', async () => {
    const id = await aNote();
    const made = await ask(`${url}/${id}`);
    expect([made.status, made.cache]).toEqual([200, STORED]);
    expect(made.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-cache',
      etag: expect.stringMatching(/^"[\w-]{27}"$/) as string,
      vary: expect.stringContaining('Accept-Encoding') as string,
      'x-content-type-options': 'nosniff',
      'content-length': String(made.body.length),
    });
    const hit = await ask(`${url}/${id}`);
    expect(hit.cache).toMatch(fromProcess);
    const later = await fromRedisAgain(id);
    for (const { text, headers } of [hit, later]) {
      expect(text).toBe(made.text);
      for (const name of ['etag', 'content-type', 'cache-control', 'vary'] as const) expect(headers[name]).toBe(made.headers[name]);
      expect(headers['x-request-id']).not.toBe(made.headers['x-request-id']);
    }
    expect((await ask(`${url}/${id}`)).cache).toMatch(fromProcess);
  });

  it('is confirmed where the client has it already, in whichever form', async () => {
    const id = await aNote();
    const { headers, cache: first } = await ask(`${url}/${id}`);
    const packed = await ask(`${url}/${id}`, { headers: { 'accept-encoding': 'gzip' } });
    expect([first, packed.cache]).toEqual([STORED, expect.stringMatching(fromProcess)]);
    for (const known of [headers.etag!, packed.headers.etag!, `W/${headers.etag!}`, `"other", ${headers.etag!}`, '*']) {
      const told = await ask(`${url}/${id}`, { headers: { 'if-none-match': known, 'accept-encoding': 'gzip' } });
      expect([told.status, told.body.length, told.headers.etag]).toEqual([304, 0, packed.headers.etag]);
      expect(told.headers['content-encoding']).toBeUndefined();
      expect(told.headers['cache-control']).toBe('no-cache');
    }
    for (const unknown of ['"other"', headers.etag!.slice(0, -3), '""'])
      expect((await ask(`${url}/${id}`, { headers: { 'if-none-match': unknown } })).status).toBe(200);
    await system.edit(id);
    const changed = await ask(`${url}/${id}`, { headers: { 'if-none-match': headers.etag! } });
    expect([changed.status, changed.cache]).toEqual([200, STORED]);
    const confirmed = await ask(`${url}/${id}`, { ...as('ann', { 'if-none-match': changed.headers.etag! }) });
    expect(confirmed.status).toBe(304);
  });

  it('over 1 KB is sent packed to those who take that, from both tiers, and as it is to the others', async () => {
    const id = await aNote();
    const { text, headers } = await ask(`${url}/${id}`);
    for (const accepted of ['gzip', 'br, GZIP;q=0.5', 'deflate,gzip']) {
      const packed = await ask(`${url}/${id}`, { headers: { 'accept-encoding': accepted } });
      expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': String(packed.body.length) });
      expect(packed.headers.etag).not.toBe(headers.etag);
      expect(packed.body.length).toBeLessThan(text.length / 10);
      expect(gunzipSync(packed.body).toString()).toBe(text);
    }
    for (const accepted of ['br', 'gzip;q=0', 'gzip; q=0.0, br', 'x-gzipped', ''])
      expect((await ask(`${url}/${id}`, { headers: { 'accept-encoding': accepted } })).text).toBe(text);
    await fromRedisAgain(id);
    for (const how of ['short', 'noise']) {
      await ask(`${url}/${id}/odd?how=${how}`);
      const told = await ask(`${url}/${id}/odd?how=${how}`, { headers: { 'accept-encoding': 'gzip' } });
      expect(told.headers['content-encoding']).toBe(how === 'noise' ? 'gzip' : undefined);
    }
  });

  it('keeps what its handler said besides, its own tag and type included', async () => {
    const id = await aNote();
    for (const expected of [STORED, expect.stringMatching(fromProcess)]) {
      const told = await ask(`${url}/${id}/odd?how=headers`);
      expect([told.cache, told.headers.etag, told.headers['x-total']]).toEqual([expected, '"version-7"', '7']);
      const text = await ask(`${url}/${id}/odd?how=text`);
      expect([text.cache, text.headers['content-type']]).toEqual([expected, 'text/plain; charset=utf-8']);
    }
    expect((await ask(`${url}/${id}/odd?how=headers`, { headers: { 'if-none-match': '"version-7"' } })).status).toBe(304);
  });

  it('answers HEAD without a body, whichever came first', async () => {
    const id = await aNote();
    const head = await ask(`${url}/${id}`, { method: 'HEAD' });
    expect([head.status, head.cache, head.body.length]).toEqual([200, STORED, 0]);
    const { text, cache: hit } = await ask(`${url}/${id}`);
    expect(hit).toMatch(fromProcess);
    const again = await ask(`${url}/${id}`, { method: 'HEAD' });
    expect([again.body.length, again.headers['content-length']]).toEqual([0, String(Buffer.byteLength(text))]);
    expect(again.cache).toMatch(fromProcess);
  });

  it('tells each origin what it may read', async () => {
    const id = await aNote();
    await ask(`${url}/${id}`);
    const told = await ask(`${url}/${id}`, { headers: { origin: 'https://front.example' } });
    expect(told.cache).toMatch(fromProcess);
    expect(told.headers['access-control-allow-origin']).toBe('https://front.example');
    expect(told.headers.vary).toBe('Origin, Accept-Encoding');
    expect((await ask(`${url}/${id}`)).headers['access-control-allow-origin']).toBeUndefined();
  });

  it('is gone after a drop, and only where it was committed', async () => {
    const id = await aNote();
    await ask(`${url}/${id}`);
    expect((await ask(`${url}/${id}/failing`, { method: 'POST' })).status).toBe(409);
    expect((await ask(`${url}/${id}`)).cache).toMatch(fromProcess);
    const version = await system.edit(id);
    const told = await ask(`${url}/${id}`);
    expect([told.cache, told.json.version]).toEqual([STORED, version]);
    expect(
      await eventually(
        () => system.database.rows('SELECT * FROM cache_drops'),
        (rows) => rows.length === 0,
      ),
    ).toEqual([]);
  });
});

describe('the key', busy, () => {
  it('holds what the route declares of the query, in any order, and nothing else', async () => {
    const id = await aNote();
    const load = async (query: string) => (await ask(`${url}/${id}/list${query}`)).json.loads;
    const first = await load('?page=1&sort=a');
    for (const same of ['?sort=a&page=1', '?page=1&sort=a&utm=x', '?__proto__=1&page=1&constructor=2&sort=a', '?page=%31&sort=a'])
      expect([same, await load(same)]).toEqual([same, first]);
    const others = [
      '',
      '?page=1',
      '?page=1&page=2',
      '?page=2&page=1',
      '?page=1&sort=',
      '?page=1%26sort%3Da',
      '?page=%22,%22',
      '?page=%E0%A4%A',
    ];
    const loads = await Promise.all(others.map(load));
    expect(new Set([first, ...loads]).size).toBe(others.length + 1);
    expect(await load('?page=1&page=2')).toBe(loads[2]);
  });

  it('is never longer than it should be: such a question goes past the cache', async () => {
    const id = await aNote();
    const path = `${url}/${id}/list?page=${'9'.repeat(600)}`;
    const told = [await ask(path), await ask(path)];
    expect(told.map((one) => one.cache)).toEqual([BYPASS, BYPASS]);
    expect(told[1]!.json.loads).toBe((told[0]!.json.loads as number) + 1);
  });
});

describe('a fresh answer', busy, () => {
  it('is made for who is signed in and asks for it, never for a stranger', async () => {
    const id = await aNote();
    for (const control of ['no-cache', 'max-age=0, no-store']) {
      await ask(`${url}/${id}`);
      expect((await ask(`${url}/${id}`, { headers: { 'cache-control': control, pragma: 'no-cache' } })).cache).toMatch(fromProcess);
      const fresh = await ask(`${url}/${id}`, as('ann', { 'cache-control': control }));
      expect([fresh.cache, fresh.headers['cache-control']]).toEqual([BYPASS, 'private, no-cache']);
      expect(fresh.headers.etag).toBeDefined();
    }
  });
});

describe('figures', busy, () => {
  it('count by tier and by the family of a tag', async () => {
    const before = await system.figures();
    const id = await aNote();
    await ask(`${url}/${id}`);
    await ask(`${url}/${id}`);
    expect((await ask(`${url}/${id}`, as('ann'))).cache).toMatch(fromProcess);
    await fromRedisAgain(id);
    const after = await system.figures();
    expect(after.misses - before.misses).toBe(1);
    expect(after.redis - before.redis).toBe(1);
    expect(after.process).toBeGreaterThan(before.process);
    expect(after.drops - before.drops).toBe(1);
    expect(Object.keys(after.byTag)).toEqual(['note']);
    const { cache: told } = (await ask(`${system.urls()[0]}/health`)).json;
    expect(told).toMatchObject({ status: 'up', byTag: { note: { misses: after.misses } } });
  });

  it('are told with the limits, which count hits, too', async () => {
    const limited = await openCache({ RATE_LIMIT_IP_PER_MINUTE: '5' }, 1);
    const statuses: number[] = [];
    for (let n = 0; n < 8; n += 1) statuses.push((await ask(`${limited.urls()[0]}/notes/any/limited`)).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
    await limited.close();
  });
});
