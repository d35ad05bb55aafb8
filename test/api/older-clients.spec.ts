import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPeople, PASSWORD, type People } from '../support/people.js';

let people: People;
beforeAll(async () => {
  people = await openPeople();
});
afterAll(() => people.close());

const form = (path: string, values: Record<string, string>) => people.ask(path, { method: 'POST', body: new URLSearchParams(values) });
const json = (path: string, values: object) =>
  people.ask(path, { method: 'POST', body: JSON.stringify(values), headers: { 'content-type': 'application/json' } });

describe('Older clients are refused', () => {
  it.each([form, json])('with wrong names, passwords and tokens', async (send) => {
    const { user } = await people.person();
    const wrong = await send('/api/token/', { username: user.email, password: 'not my own sentence' });
    expect([wrong.status, wrong.json.code]).toEqual([401, 'invalid_credentials']);
    expect((await send('/api/token/', { username: user.email })).status).toBe(422);
    expect((await send('/api/token/', { username: user.email, password: PASSWORD, role: 'admin' })).status).toBe(422);
    const token = await send('/api/token/refresh/', { refresh: 'x' });
    expect([token.status, token.json.code]).toEqual([401, 'refresh_token_invalid']);
  });

  it('with forms where none are read', async () => {
    const { user } = await people.person();
    expect((await form('/api/v1/auth/login', { email: user.email, password: PASSWORD })).status).toBe(415);
  });
});

describe('Older clients', () => {
  it.each(['/api/token/', '/api/token'])('sign in at %s by form and JSON, and keep their refresh token', async (path) => {
    const { user } = await people.person();
    for (const send of [form, json]) {
      const { status, json: session, headers } = await send(path, { username: user.email.toUpperCase(), password: PASSWORD });
      expect([status, Object.keys(session)]).toEqual([200, ['access', 'refresh']]);
      expect(headers.get('deprecation')).toMatch(/^@\d+$/);
      expect(headers.get('link')).toContain('/api/v1/auth/login');
      expect((await people.send('GET', '/users/me', undefined, String(session.access))).status).toBe(200);
      for (const again of ['refresh/', 'refresh', 'refresh/']) {
        const renewed = await send(`/api/token/${again}`, { refresh: String(session.refresh) });
        expect([renewed.status, Object.keys(renewed.json)]).toEqual([200, ['access']]);
        expect((await people.send('GET', '/users/me', undefined, String(renewed.json.access))).status).toBe(200);
      }
    }
  });

  it('lose a refresh token that was changed elsewhere, with its whole sign-in', async () => {
    const { refreshToken, accessToken } = await people.person();
    await people.send('POST', '/auth/refresh', { refreshToken });
    expect((await json('/api/token/refresh/', { refresh: refreshToken })).status).toBe(200);
    await people.rows(`UPDATE sessions SET rotations = ARRAY(SELECT at - interval '11 s' FROM unnest(rotations) at)`);
    expect((await json('/api/token/refresh/', { refresh: refreshToken })).status).toBe(401);
    expect((await people.send('GET', '/users/me', undefined, accessToken)).status).toBe(401);
  });
});
