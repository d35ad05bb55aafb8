import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { eventually } from '../support/lab.js';
import { codesOf, openPair, openPeople, type People, type Session } from '../support/people.js';

let people: People;
let beside: People;
let admin: Session;
let as: Awaited<ReturnType<typeof openPair>>['as'];
let close: () => Promise<void>;
beforeAll(async () => {
  ({ people, beside, admin, as, close } = await openPair());
});
afterAll(() => close());

describe('Refused', () => {
  const routes: [method: string, path: string, body?: object][] = [
    ['GET', '/users'],
    ['GET', `/users/${newId()}`],
    ['PATCH', `/users/${newId()}`, { role: 'admin' }],
    ['DELETE', `/users/${newId()}`],
    ['GET', '/audit'],
    ['PUT', '/plans/free', { name: 'Free', dailyTokens: null, requestsPerMinute: null, costlyPerMinute: null }],
  ];

  it.each(routes)('is %s %s to strangers, donors and organizers', async (method, path, body) => {
    expect(codesOf(await as(undefined, method, path, body))).toEqual([401, 'unauthenticated']);
    for (const role of ['donor', 'organizer'] as const)
      expect(codesOf(await as(await people.person({ role }), method, path, body))).toEqual([403, 'forbidden']);
  });

  it.each(['/users/', '//users', '/%75sers', '/users/%2e', '/USERS', '/./users', '/users;x=1', '/users?role=admin', '/me/../users'])(
    'is the list of people at %s, too',
    async (path) => {
      const donor = await people.person();
      expect([401, 403, 404]).toContain((await as(donor, 'GET', path)).status);
      expect([401, 403, 404]).toContain((await as(undefined, 'GET', path)).status);
    },
  );

  it.each<[string, string]>([
    ['GET', '/users/me'],
    ['PATCH', '/users/me'],
    ['DELETE', '/users/me'],
    ['GET', '/users/me/export'],
    ['GET', '/users/me/limits'],
  ])('is %s %s without signing in', async (method, path) => {
    expect(codesOf(await as(undefined, method, path, method === 'PATCH' ? {} : undefined))).toEqual([401, 'unauthenticated']);
  });

  it('are ids that nobody has', async () => {
    for (const id of [newId(), 'x', 'null', '1 OR 1=1', 'a\0b'.replace('\0', '%00'), 'x'.repeat(5_000)])
      for (const [method, body] of [['GET'], ['PATCH', { role: 'donor' }], ['DELETE']] as const)
        expect([400, 404, 414], id).toContain((await as(admin, method, `/users/${encodeURIComponent(id)}`, body)).status);
  });

  it.each([{ role: 'king' }, { plan: 'gold' }, { disabled: 'yes' }, { email: 'other@example.org' }, { passwordHash: 'x' }])(
    'are changes such as %j',
    async (body) => {
      expect(codesOf(await as(admin, 'PATCH', `/users/${admin.user.id}`, body))).toEqual([422, 'validation_failed']);
    },
  );

  it.each([{ role: 'admin' }, { plan: 'pro' }, { email: 'x@example.org' }, { emailVerified: true }, { phone: '123' }, { name: null }])(
    'are changes of one’s own profile such as %j',
    async (body) => {
      expect(codesOf(await as(await people.person(), 'PATCH', '/users/me', body))).toEqual([422, 'validation_failed']);
    },
  );

  it.each(['limit=0', 'limit=101', 'limit=x', 'page=0', 'page=1&cursor=x', 'role=king', `q=${'x'.repeat(201)}`])(
    'are lists by %s',
    async (query) => {
      expect(codesOf(await as(admin, 'GET', `/users?${query}`))).toEqual([422, 'validation_failed']);
    },
  );

  it('are cursors that are forged or of another list', async () => {
    await Promise.all([people.person(), people.person(), people.person()]);
    const { json } = await as(admin, 'GET', '/users?limit=1');
    const cursor = String(json.nextCursor);
    for (const query of [
      `cursor=${cursor}x`,
      'cursor=x',
      `cursor=${cursor}&role=donor`,
      `cursor=A${cursor.slice(1)}`,
      `cursor=${'x'.repeat(600)}`,
    ])
      expect(codesOf(await as(admin, 'GET', `/users?${query}`))).toEqual([422, 'cursor_not_valid']);
    expect(codesOf(await as(admin, 'GET', `/audit?cursor=${cursor}`))).toEqual([422, 'cursor_not_valid']);
    expect((await as(admin, 'GET', `/users?limit=2&cursor=${cursor}`)).status).toBe(200);
  });
});

describe('The list of people', () => {
  it('goes on where it was, while others come', async () => {
    const name = `Zoe ${newId()}`;
    const made = await Promise.all(Array.from({ length: 5 }, () => people.person()));
    await people.rows('UPDATE users SET name = $2 WHERE id = ANY($1)', [made.map(({ user }) => user.id), name]);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const { json } = await as(
        admin,
        'GET',
        `/users?limit=2&q=${encodeURIComponent(name.toLowerCase())}${cursor ? `&cursor=${cursor}` : ''}`,
      );
      seen.push(...(json.items as { id: string }[]).map(({ id }) => id));
      expect(json.limit).toBe(2);
      cursor = json.nextCursor as string | null;
      const { user } = await people.person();
      await people.rows('UPDATE users SET name = $2 WHERE id = $1', [user.id, name]);
    } while (cursor);
    expect(seen).toEqual(
      made
        .map(({ user }) => user.id)
        .sort()
        .reverse(),
    );
    const { json } = await as(admin, 'GET', `/users?page=2&limit=3&q=${encodeURIComponent(name)}`);
    expect([json.total, json.page, (json.items as unknown[]).length]).toEqual([8, 2, 3]);
  });

  it('takes signs of patterns as they are', async () => {
    const { json } = await as(admin, 'GET', '/users?q=%25%25_');
    expect(json.total).toBe(0);
    expect((await as(admin, 'GET', `/users?q=${encodeURIComponent("' OR 1=1 --")}`)).json.total).toBe(0);
    expect((await as(admin, 'GET', `/users?q=${admin.user.email}&role=admin`)).json.total).toBe(1);
  });
});

describe('Rights', () => {
  it('change at once here, within seconds in other processes, each with its row', async () => {
    const ana = await people.person();
    const sees = async (at: People) => (await as(ana, 'GET', '/users', undefined, at)).status;
    for (const at of [people, beside]) expect(await sees(at)).toBe(403);
    const { status, json } = await as(admin, 'PATCH', `/users/${ana.user.id}`, { role: 'admin', plan: 'pro' });
    expect([status, json.role, json.plan, json.disabled]).toEqual([200, 'admin', 'pro', false]);
    expect(await sees(people)).toBe(200);
    await eventually(
      () => sees(beside),
      (status) => status === 200,
      10_000,
    );
    await as(admin, 'PATCH', `/users/${ana.user.id}`, { role: 'donor' });
    expect(await sees(people)).toBe(403);
    await eventually(
      () => sees(beside),
      (status) => status === 403,
      10_000,
    );
    const { json: log } = await as(admin, 'GET', `/audit?subjectId=${ana.user.id}`);
    expect(log.items).toMatchObject([
      { action: 'role_changed', actorId: admin.user.id, subjectId: ana.user.id, facts: { from: 'admin', to: 'donor' } },
      { action: 'plan_changed', facts: { from: 'free', to: 'pro' } },
      { action: 'role_changed', facts: { from: 'donor', to: 'admin' } },
    ]);
  });

  it('end with being disabled, and sign-ins of before stay ended', async () => {
    const ana = await people.person();
    const { json } = await as(ana, 'POST', '/auth/api-keys', { name: 'x', scopes: ['read'] });
    expect((await as(ana, 'GET', '/users/me', undefined, beside)).status).toBe(200);
    await as(admin, 'PATCH', `/users/${ana.user.id}`, { disabled: true });
    expect((await as(ana, 'GET', '/users/me')).status).toBe(401);
    expect((await people.send('GET', '/users/me', undefined, String(json.key))).status).toBe(401);
    expect(codesOf(await people.signIn(ana.user.email))).toEqual([401, 'invalid_credentials']);
    expect(codesOf(await people.send('POST', '/auth/refresh', { refreshToken: ana.refreshToken }))).toEqual([401, 'refresh_token_invalid']);
    await eventually(
      async () => (await as(ana, 'GET', '/users/me', undefined, beside)).status,
      (status) => status === 401,
      10_000,
    );
    await as(admin, 'PATCH', `/users/${ana.user.id}`, { disabled: false });
    expect((await people.send('POST', '/auth/refresh', { refreshToken: ana.refreshToken })).status).toBe(401);
    expect((await people.signIn(ana.user.email)).status).toBe(200);
  });

  it('of the last admin stay, also when all admins go at once', async () => {
    const alone = await openPeople();
    const admins = await Promise.all(Array.from({ length: 6 }, () => alone.person({ role: 'admin' })));
    const ways = [{ method: 'PATCH', body: { role: 'donor' } }, { method: 'PATCH', body: { disabled: true } }, { method: 'DELETE' }];
    const answers = await Promise.all(
      admins.map((one, n) => as(one, ways[n % 3]!.method, `/users/${one.user.id}`, ways[n % 3]!.body, alone)),
    );
    const [left] = await alone.rows<{ many: number }>(
      `SELECT count(*)::int AS many FROM users WHERE role = 'admin' AND disabled_at IS NULL AND deleted_at IS NULL`,
    );
    expect(left?.many).toBe(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200 || status === 204)).toHaveLength(5);
    await alone.close();
  });

  it('leave rows that nobody can change', async () => {
    await as(admin, 'PATCH', `/users/${(await people.person()).user.id}`, { role: 'organizer' });
    for (const statement of ['UPDATE audit_log SET actor_id = NULL', 'DELETE FROM audit_log', 'TRUNCATE audit_log'])
      await expect(people.rows(statement)).rejects.toThrow('audit_log only grows');
  });
});
