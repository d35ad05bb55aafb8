import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Role } from '../../src/http/caller.js';
import { newId } from '../../src/kernel/ids.js';
import { eventually } from '../support/lab.js';
import { codesOf, openPeople, type People, type Session } from '../support/people.js';

let people: People;
beforeAll(async () => {
  people = await openPeople();
});
afterAll(() => people.close());

const make = ({ accessToken }: Session, body: object) => people.send('POST', '/auth/api-keys', body, accessToken);
async function keyOf(scopes: string[], role?: Role) {
  const session = await people.person({ role });
  const { status, json } = await make(session, { name: 'Report', scopes });
  expect(status).toBe(201);
  return { session, id: String(json.id), key: String(json.key) };
}

describe('A key is refused', () => {
  it('to who is not signed in', async () => {
    for (const [method, path] of [
      ['GET', ''],
      ['POST', ''],
      ['DELETE', `/${newId()}`],
    ] as const)
      expect(codesOf(await people.send(method, `/auth/api-keys${path}`, method === 'POST' ? { name: 'x' } : undefined))).toEqual([
        401,
        'unauthenticated',
      ]);
  });

  it('to another key, whatever it is for', async () => {
    const { key } = await keyOf(['read', 'write', 'ai', 'metrics', 'admin'], 'admin');
    for (const [method, path] of [
      ['GET', '/auth/api-keys'],
      ['POST', '/auth/api-keys'],
      ['GET', '/auth/sessions'],
      ['POST', '/auth/logout-all'],
    ] as const)
      expect(codesOf(await people.send(method, path, method === 'POST' ? { name: 'x' } : undefined, key))).toEqual([403, 'forbidden']);
  });

  it.each([['admin'], ['metrics'], ['read', 'admin']])('for %s %s to who is no admin', async (...scopes) => {
    expect(codesOf(await make(await people.person({ role: 'organizer' }), { name: 'x', scopes: scopes.filter(Boolean) }))).toEqual([
      403,
      'forbidden',
    ]);
  });

  it.each([
    {},
    { name: '' },
    { name: 'A\0' },
    { name: 'x', scopes: [] },
    { name: 'x', scopes: ['all'] },
    { name: 'x', expiresAt: '2020-01-01T00:00:00Z' },
    { name: 'x', expiresAt: 'tomorrow' },
    { name: 'x', userId: newId() },
    { name: 'x', key: 'mt_mine' },
  ])('for %j', async (body) => {
    expect((await make(await people.person(), body)).status).toBe(422);
  });

  it('when it is forged, ended, over or of somebody who may not come in', async () => {
    const { id, key, session } = await keyOf(['read']);
    const other = await keyOf(['read']);
    const disabled = await keyOf(['read']);
    await people.rows('UPDATE users SET disabled_at = now() WHERE id = $1', [disabled.session.user.id]);
    const late = await keyOf(['read']);
    await people.rows('UPDATE api_keys SET expires_at = now() WHERE id = $1', [late.id]);
    const forged = [
      `${key}x`,
      key.slice(0, -1),
      `${key.slice(0, -2)}AA`,
      `${key.slice(0, 25)}${other.key.slice(25)}`,
      `mt_${'A'.repeat(65)}`,
      'mt_',
      `mt_${'A'.repeat(5_000)}`,
      disabled.key,
      late.key,
    ];
    for (const one of forged) expect(codesOf(await people.send('GET', '/users/me', undefined, one))).toEqual([401, 'unauthenticated']);
    expect((await people.send('GET', '/users/me', undefined, key)).status).toBe(200);
    expect((await people.send('DELETE', `/auth/api-keys/${id}`, undefined, other.session.accessToken)).status).toBe(404);
    expect((await people.send('DELETE', `/auth/api-keys/${id}`, undefined, session.accessToken)).status).toBe(204);
    expect((await people.send('DELETE', `/auth/api-keys/${id}`, undefined, session.accessToken)).status).toBe(404);
    expect((await people.send('GET', '/users/me', undefined, key)).status).toBe(401);
  });

  it('beyond fifty, also when many are made at once', async () => {
    const session = await people.person();
    const answers = await Promise.all(Array.from({ length: 55 }, (_, n) => make(session, { name: `key ${n}` })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(50);
    expect(answers.filter(({ json }) => json.code === 'conflict')).toHaveLength(5);
  });
});

describe('A key', () => {
  it('is shown once, and nowhere kept', async () => {
    const session = await people.person();
    const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
    const { json } = await make(session, { name: 'Report', scopes: ['read', 'read'], expiresAt });
    expect(json).toEqual({
      id: expect.any(String) as string,
      name: 'Report',
      scopes: ['read'],
      key: expect.stringMatching(/^mt_[\w-]{65}$/) as string,
      createdAt: expect.any(String) as string,
      lastUsedAt: null,
      expiresAt,
    });
    const { json: list } = await people.send('GET', '/auth/api-keys', undefined, session.accessToken);
    const { key: _key, ...rest } = json;
    expect(list).toEqual({ items: [{ ...rest, createdAt: expect.any(String) as string }], nextCursor: null });
    const stored = await people.rows('SELECT row_to_json(k) FROM api_keys k');
    expect(JSON.stringify(stored)).not.toContain(String(json.key).slice(30));
  });

  it.each<[string, number, number, number]>([
    ['read', 200, 403, 403],
    ['write', 403, 200, 403],
    ['ai', 403, 403, 403],
    ['metrics', 403, 403, 403],
    ['admin', 403, 403, 200],
  ])('for %s reads, writes and rules just so', async (scope, reads, writes, rules) => {
    const { key } = await keyOf([scope], 'admin');
    expect((await people.send('GET', '/users/me', undefined, key)).status).toBe(reads);
    expect((await people.send('PATCH', '/users/me', { name: 'Ana' }, key)).status).toBe(writes);
    expect((await people.send('GET', '/audit', undefined, key)).status).toBe(rules);
  });

  it.each(['write', 'ai', 'metrics', 'admin'])('for %s finds nothing in the cache that it may not ask for', async (scope) => {
    const { key, session } = await keyOf([scope], 'admin');
    await eventually(
      async () => (await people.send('GET', '/users/me', undefined, session.accessToken)).headers.get('cache-status') ?? '',
      (told) => told.includes('hit'),
    );
    expect(codesOf(await people.send('GET', '/users/me', undefined, key))).toEqual([403, 'forbidden']);
  });

  it('is made by no sign-in that has ended, in whatever process', async () => {
    const beside = await openPeople({}, people);
    const session = await people.person();
    expect((await beside.send('GET', '/users/me', undefined, session.accessToken)).status).toBe(200);
    expect((await people.send('POST', '/auth/logout-all', undefined, session.accessToken)).status).toBe(204);
    const answers = await Promise.all([
      beside.send('POST', '/auth/api-keys', { name: 'late' }, session.accessToken),
      beside.send('POST', '/auth/otp/enable', undefined, session.accessToken),
    ]);
    expect(answers.map(codesOf)).toEqual([
      [401, 'unauthenticated'],
      [401, 'unauthenticated'],
    ]);
    await beside.close();
  });

  it('reads what anyone reads, and ends with its owner’s role', async () => {
    const { key, session } = await keyOf(['ai', 'admin'], 'admin');
    expect((await people.send('GET', '/plans', undefined, key)).status).toBe(200);
    expect((await people.send('GET', '/audit', undefined, key)).status).toBe(200);
    await people.rows(`UPDATE users SET role = 'donor' WHERE id = $1`, [session.user.id]);
    await eventually(
      async () => (await people.send('GET', '/audit', undefined, key)).status,
      (status) => status === 403,
      10_000,
    );
  });

  it('tells when it was used last', async () => {
    const { key, id, session } = await keyOf(['read']);
    await people.send('GET', '/users/me', undefined, key);
    const used = async () => {
      const { json } = await people.send('GET', '/auth/api-keys', undefined, session.accessToken);
      return (json.items as { id: string; lastUsedAt: string | null }[]).find((one) => one.id === id)?.lastUsedAt;
    };
    expect(new Date((await eventually(used, Boolean, 10_000)) ?? 0).getTime()).toBeGreaterThan(Date.now() - 60_000);
  });
});
