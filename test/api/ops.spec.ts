import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pause } from '../../src/kernel/waiting.js';
import { eventually } from '../support/lab.js';
import { codesOf, openPair, type People, type Session } from '../support/people.js';

const INVALIDATE = '/ops/cache/invalidate';
// Two seconds are promised; the rest is for a machine that has other things to do.
const SOON_MS = 2_000 + 1_500;

let pair: Awaited<ReturnType<typeof openPair>>;
let donor: Session;
beforeAll(async () => {
  pair = await openPair();
  donor = await pair.people.person();
});
afterAll(() => pair.close());

const both = () => [pair.people, pair.beside];
const invalidate = (what: unknown, session: Session | undefined = pair.admin) => pair.as(session, 'POST', INVALIDATE, what);
const rows = (sql: string, values: unknown[] = []) => pair.people.rows(sql, values);

const plansAt = async (at: People) => (await at.send('GET', '/plans')).text;
const nameAt = async (at: People, session = donor) => (await at.send('GET', '/users/me', undefined, session.accessToken)).json.name;

let changes = 0;
/** Past the application, so that nobody is told. */
async function changePlan(): Promise<string> {
  const tokens = 700_000 + (changes += 1);
  await rows('UPDATE plans SET daily_tokens = $1 WHERE id = $2', [tokens, 'pro']);
  return String(tokens);
}
async function changeName(): Promise<string> {
  const name = `Nome ${(changes += 1)}`;
  await rows('UPDATE users SET name = $1 WHERE id = $2', [name, donor.user.id]);
  return name;
}
/** Kept by all, in both tiers. */
async function keepAll(): Promise<void> {
  await invalidate({ all: true });
  for (const at of both())
    await eventually(
      async () => (await at.send('GET', '/plans')).headers.get('cache-status'),
      (status) => /hit/.test(String(status)),
    );
  await Promise.all(both().map((at) => nameAt(at)));
}
const soon = async (holds: () => Promise<boolean>) => eventually(holds, (held) => held, SOON_MS);

describe('an order to drop what is kept is refused', () => {
  it('to strangers and to whoever is no admin', async () => {
    expect(codesOf(await pair.people.send('POST', INVALIDATE, { all: true }))).toEqual([401, 'unauthenticated']);
    const organizer = await pair.people.person({ role: 'organizer' });
    for (const session of [donor, organizer]) expect(codesOf(await invalidate({ all: true }, session))).toEqual([403, 'forbidden']);
  });

  it.each([
    ['nothing', {}],
    ['two at once', { tags: ['plans'], prefix: 'pl' }],
    ['all and some', { tags: ['plans'], all: true }],
    ['not all', { all: false }],
    ['no tags', { tags: [] }],
    ['empty words', { prefix: '' }],
    ['an empty tag', { tags: [''] }],
    ['words too long', { tags: ['x'.repeat(201)] }],
    ['half a letter', { tags: ['\ud800'] }],
    ['too many', { tags: Array.from({ length: 101 }, (_, n) => `t${n}`) }],
    ['something else', { tag: 'plans' }],
  ])('that names %s', async (_name, what) => {
    expect(codesOf(await invalidate(what))).toEqual([422, 'validation_failed']);
  });
});

describe('it holds in every process', () => {
  it('for tags, of which only those named', async () => {
    await keepAll();
    const [tokens, name] = [await changePlan(), await changeName()];
    const told = await invalidate({ tags: ['plans', 'plans', 'nobody-knows-this'] });
    expect([told.status, told.json]).toEqual([200, { removed: 2 }]);
    await soon(async () => (await Promise.all(both().map(plansAt))).every((text) => text.includes(tokens)));
    for (const at of both()) expect(await nameAt(at)).not.toBe(name);
  });

  it('for all tags that begin so, and no letter is more than a letter', async () => {
    await keepAll();
    const [tokens, name] = [await changePlan(), await changeName()];
    for (const pattern of ['*', 'perso?:', '[p]erson', 'person:\\*'])
      expect((await invalidate({ prefix: pattern })).json).toEqual({ removed: 0 });
    expect(await nameAt(pair.people)).not.toBe(name);
    const { status, json } = await invalidate({ prefix: 'person:' });
    expect(status).toBe(200);
    expect(json.removed).toBeGreaterThanOrEqual(1);
    await soon(async () => (await Promise.all(both().map((at) => nameAt(at)))).every((each) => each === name));
    await pause(1_100);
    for (const at of both()) expect(await plansAt(at)).not.toContain(tokens);
  });

  it('for everything', async () => {
    await keepAll();
    const [tokens, name] = [await changePlan(), await changeName()];
    const { status, json } = await invalidate({ all: true });
    expect(status).toBe(200);
    expect(json.removed).toBeGreaterThanOrEqual(2);
    await soon(async () => (await Promise.all(both().map(plansAt))).every((text) => text.includes(tokens)));
    await soon(async () => (await Promise.all(both().map((at) => nameAt(at)))).every((each) => each === name));
  });

  it('here at once, for whoever ordered it', async () => {
    await keepAll();
    const tokens = await changePlan();
    await invalidate({ prefix: 'plan' });
    expect(await plansAt(pair.people)).toContain(tokens);
  });
});

it('is written into the log of rights, with who did it and what', async () => {
  await invalidate({ tags: ['of-the-log'] });
  await invalidate({ prefix: 'of-the-' });
  await invalidate({ all: true });
  const found = await rows(`SELECT facts FROM audit_log WHERE action = 'cache_invalidated' AND actor_id = $1 ORDER BY id DESC LIMIT 3`, [
    pair.admin.user.id,
  ]);
  expect(found.map(({ facts }) => facts as object)).toEqual([{ all: true }, { prefix: 'of-the-' }, { tags: ['of-the-log'] }]);
});

it.each([{ all: true }, { prefix: 'pl' }])('a Redis that stood still does not bring back what was dropped: %o', async (what) => {
  const { redis } = pair.people.install;
  await keepAll();
  const tokens = await changePlan();
  redis.freeze();
  try {
    expect((await invalidate(what)).status).toBe(200);
    await soon(async () => (await Promise.all(both().map(plansAt))).every((text) => text.includes(tokens)));
  } finally {
    redis.thaw();
  }
  await eventually(
    () => rows('SELECT id FROM cache_drops'),
    (left) => left.length === 0,
  );
  for (let n = 0; n < 10; n += 1)
    for (const at of both()) {
      expect(await plansAt(at)).toContain(tokens);
      await pause(100);
    }
});
