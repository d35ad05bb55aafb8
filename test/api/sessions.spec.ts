import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { eventually } from '../support/lab.js';
import { openPeople, PASSWORD, type People, type Session } from '../support/people.js';

let people: People;
let beside: People;
beforeAll(async () => {
  people = await openPeople();
  beside = await openPeople({}, people);
});
afterAll(async () => {
  await beside.close();
  await people.close();
});

const refresh = (refreshToken: unknown, at = people) => at.send('POST', '/auth/refresh', { refreshToken });
const me = ({ accessToken }: Pick<Session, 'accessToken'>, at = people) => at.send('GET', '/users/me', undefined, accessToken);
/** As if the rotations had been so long ago. */
const passed = (seconds: number) =>
  people.rows(`UPDATE sessions SET rotations = ARRAY(SELECT at - make_interval(secs => $1) FROM unnest(rotations) at)`, [seconds]);

describe('Refused are', () => {
  it.each<[string, string, number]>([
    ['GET', '/auth/sessions', 401],
    ['DELETE', `/auth/sessions/${newId()}`, 401],
    ['POST', '/auth/logout-all', 401],
    ['GET', '/users/me', 401],
    ['PATCH', '/users/me', 401],
  ])('%s %s without signing in', async (method, path, status) => {
    const answer = await people.send(method, path, method === 'PATCH' ? {} : undefined);
    expect([answer.status, answer.json.code]).toEqual([status, 'unauthenticated']);
  });

  it.each([{}, { refreshToken: 5 }, { refreshToken: 'x'.repeat(5_000) }, { refreshToken: 'x', more: 1 }])(
    'bodies such as %j',
    async (body) => {
      for (const path of ['/auth/refresh', '/auth/logout']) expect((await people.send('POST', path, body)).status).toBe(422);
    },
  );

  it('fields where none are read, and nothing is ended', async () => {
    const ana = await people.person();
    const path = '/auth/logout-all';
    for (const body of [{ role: 'admin' }, [], 'x', null]) {
      const { status, json } = await people.send('POST', path, body, ana.accessToken);
      expect([status, json.code]).toEqual([422, 'validation_failed']);
    }
    expect((await me(ana)).status).toBe(200);
    expect((await people.send('POST', path, {}, ana.accessToken)).status).toBe(204);
  });

  it('refresh tokens that were never given', async () => {
    const { refreshToken } = await people.person();
    const [id = '', generation = '', proof = ''] = refreshToken.split('.');
    const forged = [
      'x',
      '',
      `${newId()}.0.${proof}`,
      `${id}.1.${proof}`,
      `${id}.-1.${proof}`,
      `${id}.00.${proof}`,
      `${id}.0.${proof.slice(0, -1)}`,
      `${id}.0.${'A'.repeat(43)}`,
      `${id.toUpperCase()}.${generation}.${proof}`,
      `${refreshToken}\0`,
      ` ${refreshToken}`,
    ];
    for (const token of forged) {
      const { status, json } = await refresh(token);
      expect([token, status, json.code]).toEqual([token, 401, 'refresh_token_invalid']);
    }
    expect((await refresh(refreshToken)).status).toBe(200);
  });

  it('the sign-ins of others', async () => {
    const [ana, eva] = await Promise.all([people.person(), people.person()]);
    const { json } = await people.send('GET', '/auth/sessions', undefined, ana.accessToken);
    const [{ id }] = json.items as [{ id: string }];
    for (const other of [id, newId(), 'x', '%00', '..%2f'])
      expect([404, 400]).toContain((await people.send('DELETE', `/auth/sessions/${other}`, undefined, eva.accessToken)).status);
    expect((await me(ana)).status).toBe(200);
  });
});

describe('A refresh token', () => {
  it('gives a new pair, and the same one again within the time of grace, in every process', async () => {
    const ana = await people.person();
    const first = await refresh(ana.refreshToken);
    expect(first.status).toBe(200);
    expect(first.json.refreshToken).not.toBe(ana.refreshToken);
    await passed(9);
    for (const at of [people, beside]) expect((await refresh(ana.refreshToken, at)).json.refreshToken).toBe(first.json.refreshToken);
    expect((await me(first.json as unknown as Session)).status).toBe(200);
    expect((await refresh(first.json.refreshToken)).status).toBe(200);
  });

  it('ends its whole sign-in when it comes again later, its newest token too, and leaves a row', async () => {
    const ana = await people.person();
    const elsewhere = (await people.signIn(ana.user.email)).json;
    const second = await refresh(ana.refreshToken);
    const third = await refresh(second.json.refreshToken);
    await passed(11);
    for (let n = 0; n < 2; n += 1) {
      const { status, json } = await refresh(ana.refreshToken);
      expect([status, json.code]).toEqual([401, 'refresh_token_invalid']);
    }
    expect((await refresh(third.json.refreshToken)).status).toBe(401);
    for (const { accessToken } of [ana, second.json, third.json] as Session[]) expect((await me({ accessToken })).status).toBe(401);
    expect((await refresh(elsewhere.refreshToken)).status).toBe(200);
    const rows = await people.rows(`SELECT action, actor_id FROM audit_log WHERE subject_id = $1`, [ana.user.id]);
    expect(rows).toEqual([{ action: 'refresh_reused', actor_id: null }]);
  });

  it('is good once where there is no grace', async () => {
    const strict = await openPeople({ REFRESH_GRACE_SECONDS: '0' }, people);
    const ana = await strict.person();
    const { json } = await refresh(ana.refreshToken, strict);
    expect((await refresh(ana.refreshToken, strict)).status).toBe(401);
    expect((await refresh(json.refreshToken, strict)).status).toBe(401);
    await strict.close();
  });

  it('is nothing after logout, nor after its thirty days, nor for who is disabled', async () => {
    const [out, old, off] = await Promise.all([people.person(), people.person(), people.person()]);
    const successor = (await refresh(out.refreshToken)).json.refreshToken;
    expect((await people.send('POST', '/auth/logout', { refreshToken: out.refreshToken })).status).toBe(204);
    await people.rows('UPDATE sessions SET expires_at = now() WHERE user_id = $1', [old.user.id]);
    await people.rows('UPDATE users SET disabled_at = now() WHERE id = $1', [off.user.id]);
    for (const token of [out.refreshToken, successor, old.refreshToken, off.refreshToken]) expect((await refresh(token)).status).toBe(401);
    expect((await people.send('POST', '/auth/logout', { refreshToken: successor })).status).toBe(204);
  });
});

describe('A sign-in that is ended', () => {
  it('is over at once, and within seconds in other processes', async () => {
    const ana = await people.person();
    for (const at of [people, beside]) expect((await me(ana, at)).status).toBe(200);
    expect((await people.send('POST', '/auth/logout', { refreshToken: ana.refreshToken })).status).toBe(204);
    expect((await me(ana)).status).toBe(401);
    await eventually(
      async () => (await me(ana, beside)).status,
      (status) => status === 401,
      5_000,
    );
  });

  it('is one of those that its person sees', async () => {
    const ana = await people.person();
    const phone = await people.send('POST', '/auth/login', { email: ana.user.email, password: PASSWORD }, undefined, {
      'user-agent': 'phone/1',
    });
    const list = async (token: unknown) =>
      (await people.send('GET', '/auth/sessions', undefined, String(token))).json.items as {
        id: string;
        client: string;
        current: boolean;
      }[];
    const seen = await list(ana.accessToken);
    expect(seen.map(({ client, current }) => [client, current])).toEqual([
      ['phone/1', false],
      ['node', true],
    ]);
    expect(Object.keys(seen[0]!).sort()).toEqual(['address', 'client', 'createdAt', 'current', 'expiresAt', 'id', 'lastUsedAt']);
    const path = `/auth/sessions/${seen[0]!.id}`;
    expect((await people.send('DELETE', path, undefined, ana.accessToken)).status).toBe(204);
    expect((await people.send('DELETE', path, undefined, ana.accessToken)).status).toBe(404);
    expect((await me(phone.json as unknown as Session)).status).toBe(401);
    expect(await list(ana.accessToken)).toHaveLength(1);
  });

  it('with all others of its person, and of no one else', async () => {
    const [ana, eva] = await Promise.all([people.person(), people.person()]);
    const second = (await people.signIn(ana.user.email)).json as unknown as Session;
    expect((await people.send('POST', '/auth/logout-all', undefined, second.accessToken)).status).toBe(204);
    for (const gone of [ana, second]) expect([(await me(gone)).status, (await refresh(gone.refreshToken)).status]).toEqual([401, 401]);
    expect((await me(eva)).status).toBe(200);
  });

  it('is the one used longest ago when there are too many', async () => {
    const ana = await people.person();
    await people.rows(
      `INSERT INTO sessions (id, user_id, root, address, client, last_used_at, expires_at)
       SELECT gen_random_uuid(), $1, '\\x00', '', '', now() + n * interval '1 ms', now() + interval '1 day' FROM generate_series(1, 99) n`,
      [ana.user.id],
    );
    expect((await people.signIn(ana.user.email)).status).toBe(200);
    expect((await refresh(ana.refreshToken)).status).toBe(401);
    expect((await me(ana)).status).toBe(401);
  });
});
