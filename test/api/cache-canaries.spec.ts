import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { as, ask, openCache, type Told } from '../support/cache.js';
import { eventually } from '../support/lab.js';

const PEOPLE = 40;
const ROUNDS = 5;

let system: Awaited<ReturnType<typeof openCache>>;
let urls: string[];
beforeAll(async () => {
  system = await openCache();
  urls = system.urls().map((url) => `${url}/notes`);
});
beforeEach(async () => {
  await system.up();
});
afterAll(() => system.close());

const headers: Record<string, string>[] = [{}, { 'accept-encoding': 'identity', 'if-none-match': '"x"' }];
const proofs: Record<string, string>[] = [
  {},
  { authorization: 'Basic x' },
  { authorization: 'Bearer' },
  { cookie: 'caller=canary-of-person-1-' },
];
let attempts = 0;
const anyUrl = () => urls[Math.floor(Math.random() * urls.length)]!;
const people = Array.from({ length: PEOPLE }, (_, n) => `canary-of-person-${n}-`);
const canaries = ({ text }: Told) => [...new Set(text.match(/canary-of-person-\d+-/g))];

/** All ask at the same time, again and again, in both processes. */
const crowd = (path: string, more: Record<string, string> = {}) =>
  Promise.all(
    people.flatMap((person) =>
      Array.from({ length: ROUNDS }, async () => ({ person, told: await ask(`${anyUrl()}/${path}`, as(person, more)) })),
    ),
  );

describe('a personal answer', () => {
  it.each(['x/mine', 'x/mine?person=canary-of-person-1-', 'x/mine?caller=me&id=2', `x/mine?${'a'.repeat(400)}`, 'me:canary/mine'])(
    'at %s is only ever its own person’s',
    async (path) => {
      for (const more of headers) {
        for (const { person, told } of await crowd(path, more)) {
          expect([told.status, canaries(told)]).toEqual([200, [person]]);
          expect(told.headers['cache-control']).toBe('private, no-cache');
        }
      }
    },
  );

  it('is kept in Redis for its person, and never in a process', async () => {
    const [person = ''] = people;
    await ask(`${urls[0]}/kept/mine`, as(person));
    for (const url of urls) {
      const { text } = await eventually(
        () => ask(`${url}/kept/mine`, as(person)),
        ({ cache }) => /^mutirao; hit; ttl=\d+; detail=redis$/.test(cache),
      );
      expect(text).toContain(person);
      for (let n = 0; n < 20; n += 1) expect((await ask(`${url}/kept/mine`, as(person))).cache).not.toContain('process');
    }
  });

  it('is for nobody who proves nothing', async () => {
    for (const headers of proofs) {
      const told = await ask(`${anyUrl()}/x/mine`, { headers });
      expect([told.status, canaries(told), told.headers['cache-control']]).toEqual([401, [], 'no-store']);
    }
  });

  it('of someone whose name looks like another’s key is still his own', async () => {
    for (const odd of [`canary-of-person-1-:/notes/x/mine`, 'canary-of-person-1-%3A', 'me:canary-of-person-1-']) {
      const told = await ask(`${anyUrl()}/x/mine`, as(odd));
      expect(told.json.canary).toBe(odd);
    }
  });

  // Redis has 150 ms to hear of it, which a machine that is too busy may not give.
  it('shows its person’s own change at once, in any process', { retry: 3 }, async () => {
    await Promise.all(
      people.slice(0, 10).map(async (name) => {
        const person = `${name}${(attempts += 1)}`;
        for (let round = 0; round < 5; round += 1) {
          await ask(`${anyUrl()}/${person}/mine`, as(person));
          const version = await system.edit(person, urls[round % 2]!.replace('/notes', ''));
          const seen = await ask(`${urls[(round + 1) % 2]}/${person}/mine`, as(person));
          expect(seen.json.version).toBe(version);
        }
      }),
    );
  });
});

describe('an answer for everyone', () => {
  it('is made as for a stranger, whoever asks first', async () => {
    for (const round of [1, 2, 3]) {
      const answers = await crowd(`${round}/list`);
      for (const { told } of answers) expect([told.status, told.json.caller]).toEqual([200, undefined]);
      expect((await ask(`${anyUrl()}/${round}/list`)).json.caller).toBeUndefined();
    }
  });

  it('that only its owner may see goes to the owner alone, and is kept for nobody', async () => {
    for (const person of people.slice(0, 10)) {
      const path = `${person}/draft`;
      const all = await Promise.all([
        ...Array.from({ length: 5 }, () => ask(`${anyUrl()}/${path}`, as(person))),
        ...people.slice(10, 15).map((other) => ask(`${anyUrl()}/${path}`, as(other))),
        ...Array.from({ length: 5 }, () => ask(`${anyUrl()}/${path}`)),
      ]);
      expect(all.map(({ status }) => status)).toEqual([
        ...Array<number>(5).fill(200),
        ...Array<number>(5).fill(404),
        ...Array<number>(5).fill(401),
      ]);
      for (const told of all.slice(0, 5))
        expect([told.cache, told.headers['cache-control']]).toEqual(['mutirao; fwd=bypass', 'private, no-cache']);
      for (const url of urls) expect((await ask(`${url}/${path}`)).status).toBe(401);
    }
  });

  it('is not asked for by a wrong proof', async () => {
    await ask(`${anyUrl()}/wrong/list`);
    for (const url of urls) expect((await ask(`${url}/wrong/list`, { headers: { authorization: 'Basic x' } })).status).toBe(401);
  });
});

it('nothing that is personal stands in Redis under a name for everyone', async () => {
  const found = await system.redis.ask(async (redis) => {
    const keys = await redis.keys('*:entry:*');
    const bodies = await Promise.all(keys.map((key) => redis.get(key)));
    return keys.map((key, at) => ({ key, body: bodies[at] ?? '' }));
  });
  expect(found.length).toBeGreaterThan(PEOPLE);
  const personal = found.filter(({ body }) => body.includes('"canary"'));
  expect(personal.length).toBeGreaterThan(PEOPLE);
  for (const { key } of personal) expect(key).toMatch(/^\{cache\}:\w+:entry:me:/);
});

it('shows no parameter that is not declared, as the next one would see it', async () => {
  const path = `${system.urls()[0]}/notes/poisoned/list?page=1`;
  expect((await ask(`${path}&evil=1`)).json.query).toEqual({ page: '1' });
  expect((await ask(path)).json.query).toEqual({ page: '1' });
});

it('is made anew where Redis holds something that nobody can read', async () => {
  const path = `${system.urls()[0]}/notes/damaged/mine`;
  await ask(path, as('damaged'));
  for (const bytes of ['abc', '', '{}'.repeat(50)]) {
    await system.redis.ask(async (redis) => {
      const keys = await redis.keys('*:entry:me:damaged:*');
      expect(keys).toHaveLength(1);
      await redis.set(keys[0]!, bytes);
    });
    const told = await ask(path, as('damaged'));
    expect([told.status, told.json.canary]).toEqual([200, 'damaged']);
  }
});

it('is made anew where Redis holds what another version of us wrote', async () => {
  const path = `${system.urls()[0]}/notes/older/mine`;
  await ask(path, as('older'));
  await system.redis.ask(async (redis) => {
    const [key = ''] = await redis.keys('*:entry:me:older:*');
    const bytes = (await redis.getBuffer(key))?.toString('latin1') ?? '';
    expect(bytes).toContain('"format":1');
    await redis.set(key, Buffer.from(bytes.replace('"format":1', '"format":0'), 'latin1'));
  });
  expect((await ask(path, as('older'))).cache).toContain('fwd=miss');
  expect((await ask(path, as('older'))).cache).toContain('hit');
});
