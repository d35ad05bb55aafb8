import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/lab.js';
import { codesOf, newEmail, openPair, PASSWORD, type People, type Session } from '../support/people.js';

let people: People;
let beside: People;
let admin: Session;
let as: Awaited<ReturnType<typeof openPair>>['as'];
let close: () => Promise<void>;
beforeAll(async () => {
  ({ people, beside, admin, as, close } = await openPair());
});
afterAll(() => close());

describe('Plans', () => {
  it('are public, and change for all in every process', async () => {
    const { json } = await as(undefined, 'GET', '/plans');
    expect((json.items as { id: string }[]).map(({ id }) => id)).toEqual(['free', 'pro', 'enterprise']);
    expect((await as(admin, 'GET', '/plans')).status).toBe(200);
    expect((await people.send('GET', '/plans', undefined, 'x')).status).toBe(401);
    const plan = { name: 'Pro', dailyTokens: 100, dailyUsd: 1.5, requestsPerMinute: 7, costlyPerMinute: 3 };
    expect(codesOf(await as(admin, 'PUT', '/plans/gold', plan))).toEqual([404, 'not_found']);
    for (const wrong of [{}, { ...plan, dailyTokens: -1 }, { ...plan, dailyTokens: 1.5 }, { ...plan, id: 'free' }, { ...plan, name: '' }])
      expect((await as(admin, 'PUT', '/plans/pro', wrong)).status).toBe(422);
    for (const at of [people, beside]) await as(undefined, 'GET', '/plans', undefined, at);
    const changed = await as(admin, 'PUT', '/plans/pro', plan);
    expect([changed.status, changed.json]).toEqual([200, { id: 'pro', ...plan }]);
    const shown = async (at: People) => ((await as(undefined, 'GET', '/plans', undefined, at)).json.items as object[])[0];
    expect(((await as(undefined, 'GET', '/plans')).json.items as object[]).find((one) => 'id' in one && one.id === 'pro')).toMatchObject(
      plan,
    );
    await eventually(
      async () => JSON.stringify((await as(undefined, 'GET', '/plans', undefined, beside)).json),
      (text) => text.includes('"dailyTokens":100'),
      5_000,
    );
    expect(await shown(beside)).toBeDefined();
  });

  it('limit who has them, and say so', async () => {
    await as(admin, 'PUT', '/plans/enterprise', { name: 'Enterprise', dailyTokens: 1, requestsPerMinute: 7, costlyPerMinute: 3 });
    const ana = await people.person();
    await as(admin, 'PATCH', `/users/${ana.user.id}`, { plan: 'enterprise' });
    const { json } = await as(ana, 'GET', '/users/me/limits');
    expect(json).toMatchObject({ plan: 'enterprise' });
    expect(json.items).toEqual([
      { name: 'user', kind: 'rate', limit: 7, perSeconds: 60, remaining: 6, fullInSeconds: 60 },
      { name: 'costly', kind: 'rate', limit: 3, perSeconds: 60, remaining: 3, fullInSeconds: 0 },
      { name: 'ai-tokens', kind: 'budget', limit: 1, used: 0, reserved: 0, remaining: 1, fullInSeconds: 0 },
    ]);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => as(ana, 'GET', '/users/me', undefined, n % 2 ? people : beside)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(6);
    expect(answers.filter(({ json }) => json.code === 'rate_limited')).toHaveLength(4);
    await as(admin, 'PATCH', `/users/${ana.user.id}`, { plan: 'free' });
    for (const at of [people, beside])
      await eventually(
        async () => (await as(ana, 'GET', '/users/me', undefined, at)).status,
        (status) => status === 200,
        10_000,
      );
  });
});

describe('One’s own profile', () => {
  it('is kept, and a change is seen by the next question in every process', async () => {
    const ana = await people.person();
    const mine = (at: People) => as(ana, 'GET', '/users/me', undefined, at);
    expect((await mine(people)).headers.get('cache-status')).toContain('stored');
    const again = await mine(beside);
    expect(again.headers.get('cache-status')).toContain('hit');
    expect(again.headers.get('cache-control')).toContain('private');
    for (const name of ['Ana Maria', 'Maria Ana']) {
      const { json } = await as(ana, 'PATCH', '/users/me', { name, phone: '+55 11 98765-4321', messagingConsent: true });
      expect(json).toMatchObject({ name, phone: '+5511987654321', messagingConsent: true, consentAt: expect.any(String) as string });
      for (const at of [beside, people]) expect((await mine(at)).json).toEqual(json);
    }
    const given = (await mine(people)).json.consentAt;
    expect((await as(ana, 'PATCH', '/users/me', { messagingConsent: true })).json.consentAt).toBe(given);
    const { json } = await as(ana, 'PATCH', '/users/me', { phone: null, messagingConsent: false });
    expect(json).toMatchObject({ phone: null, messagingConsent: false, consentAt: expect.any(String) as string });
    expect(await people.rows('SELECT action FROM audit_log WHERE subject_id = $1 ORDER BY id', [ana.user.id])).toEqual([
      { action: 'consent_given' },
      { action: 'consent_taken_back' },
    ]);
  });

  it('can be taken along with everything else that is held', async () => {
    const ana = await people.person();
    const eva = await people.person();
    await as(ana, 'POST', '/auth/api-keys', { name: 'Report', scopes: ['read'] });
    const { status, json, headers, text } = await as(ana, 'GET', '/users/me/export');
    expect([status, headers.get('content-disposition')]).toEqual([200, 'attachment; filename="mutirao-export.json"']);
    expect(json).toMatchObject({
      profile: { id: ana.user.id, email: ana.user.email },
      signIns: { sessions: [{ client: 'node' }], apiKeys: [{ name: 'Report' }], secondFactor: null },
      rights: [{ action: 'key_made' }],
      acts: [],
    });
    expect(json.profile).toMatchObject({ emailVerifiedAt: null, consentSource: null });
    for (const secret of ['argon2', 'root', 'digest', eva.user.id, eva.user.email]) expect(text).not.toContain(secret);
  });

  it('tells who rules what he did, not to whom', async () => {
    const ruler = await people.person({ role: 'admin' });
    const eva = await people.person();
    await as(ruler, 'PATCH', `/users/${eva.user.id}`, { plan: 'pro' });
    await as(ruler, 'PUT', '/plans/free', { name: 'Free', dailyTokens: null, requestsPerMinute: null, costlyPerMinute: null });
    const { json, text } = await as(ruler, 'GET', '/users/me/export');
    expect(json).toMatchObject({ rights: [], acts: [{ action: 'plan_changed' }, { action: 'plan_edited' }] });
    expect(text).not.toContain(eva.user.id);
  });
});

describe('Who goes', () => {
  it('leaves nothing that tells who it was', async () => {
    const email = newEmail();
    const ana = await people.person({ email });
    await as(ana, 'PATCH', '/users/me', { name: 'Anastasia Quixote', phone: '+5511987654321', messagingConsent: true });
    await people.signIn(email, 'not my own sentence');
    const { json } = await as(ana, 'POST', '/auth/api-keys', { name: 'Anastasia', scopes: ['read'] });
    await as(ana, 'POST', '/auth/otp/enable');
    expect(codesOf(await people.send('DELETE', '/users/me', undefined, String(json.key)))).toEqual([403, 'forbidden']);
    expect((await as(ana, 'DELETE', '/users/me')).status).toBe(204);
    expect((await as(ana, 'GET', '/users/me')).status).toBe(401);
    expect((await people.send('GET', '/users/me', undefined, String(json.key))).status).toBe(401);
    expect(codesOf(await people.signIn(email))).toEqual([401, 'invalid_credentials']);
    expect((await as(admin, 'GET', `/users/${ana.user.id}`)).status).toBe(404);
    const tables = await people.rows<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
    );
    for (const { name } of tables) {
      const text = JSON.stringify(await people.rows(`SELECT * FROM "${name}"`));
      for (const trace of [email, 'Anastasia', '5511987654321']) expect(text, name).not.toContain(trace);
    }
    const [kept] = await people.rows('SELECT email, name, phone, password_hash, deleted_at IS NOT NULL AS gone FROM users WHERE id = $1', [
      ana.user.id,
    ]);
    expect(kept).toEqual({ email: null, name: 'Removed person', phone: null, password_hash: null, gone: true });
    const again = await people.send('POST', '/auth/register', { email, password: PASSWORD, name: 'Ana' });
    expect([again.status, (again.json.user as { id: string }).id === ana.user.id]).toEqual([201, false]);
  });
});
