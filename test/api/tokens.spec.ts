import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Keys } from '../../src/config/keys.js';
import { AccessTokens } from '../../src/auth/access-tokens.js';
import { newId } from '../../src/kernel/ids.js';
import { openPeople, type People, type Session } from '../support/people.js';

const SECRET_KEY = 'a key that signs';
let people: People;
let ana: Session;
beforeAll(async () => {
  people = await openPeople({ SECRET_KEY });
  ana = await people.person();
});
afterAll(() => people.close());

const me = (token: string) => people.send('GET', '/users/me', undefined, token);
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const parts = (token: string) => token.split('.') as [string, string, string];
const claimsOf = (token: string) => JSON.parse(Buffer.from(parts(token)[1], 'base64url').toString()) as Record<string, unknown>;
const headOf = (token: string) => JSON.parse(Buffer.from(parts(token)[0], 'base64url').toString()) as Record<string, unknown>;
const signed = (head: string, claims: unknown, secret: string | Buffer) =>
  `${head}.${encoded(claims)}.${createHmac('sha256', secret)
    .update(`${head}.${encoded(claims)}`)
    .digest('base64url')}`;
const keyOf = (use: string, secret = SECRET_KEY) =>
  new Keys({ SECRET_KEY: secret, SECRET_KEY_PREVIOUS: undefined }).for(use)[0].secret.export();

describe('An access token is refused', () => {
  it.each<[string, (token: string) => string]>([
    ['without a signature', (token) => parts(token).slice(0, 2).join('.')],
    ['with an empty signature', (token) => `${parts(token).slice(0, 2).join('.')}.`],
    ['of the kind alg: none', (token) => `${encoded({ alg: 'none', typ: 'at+jwt' })}.${parts(token)[1]}.`],
    [
      'of the kind alg: None with a signature',
      (token) => `${encoded({ ...headOf(token), alg: 'None' })}.${parts(token)[1]}.${parts(token)[2]}`,
    ],
    ['with another algorithm', (token) => signed(encoded({ ...headOf(token), alg: 'HS512' }), claimsOf(token), keyOf('access token'))],
    ['signed with a foreign key', (token) => signed(parts(token)[0], claimsOf(token), 'another key')],
    ['signed with the key of the whole system', (token) => signed(parts(token)[0], claimsOf(token), SECRET_KEY)],
    ['signed with the key of refresh tokens', (token) => signed(parts(token)[0], claimsOf(token), keyOf('refresh token'))],
    ['signed with no key', (token) => signed(parts(token)[0], claimsOf(token), '')],
    ['whose key id names a file', (token) => signed(encoded({ ...headOf(token), kid: '../../dev/null' }), claimsOf(token), '')],
    ['whose key id is a statement', (token) => signed(encoded({ ...headOf(token), kid: "' UNION SELECT 'x" }), claimsOf(token), 'x')],
    ['without a key id', (token) => signed(encoded({ alg: 'HS256', typ: 'at+jwt' }), claimsOf(token), keyOf('access token'))],
    ['that brings its own key', (token) => signed(encoded({ ...headOf(token), jwk: { kty: 'oct', k: 'eA' } }), claimsOf(token), 'x')],
    ['of somebody else', (token) => `${parts(token)[0]}.${encoded({ ...claimsOf(token), sub: newId() })}.${parts(token)[2]}`],
    ['that makes an admin', (token) => `${parts(token)[0]}.${encoded({ ...claimsOf(token), role: 'admin' })}.${parts(token)[2]}`],
    ['signed by us for another issuer', (token) => signed(parts(token)[0], { ...claimsOf(token), iss: 'other' }, keyOf('access token'))],
    ['signed by us for another audience', (token) => signed(parts(token)[0], { ...claimsOf(token), aud: 'other' }, keyOf('access token'))],
    ['signed by us for another use', (token) => signed(parts(token)[0], { ...claimsOf(token), use: 'refresh' }, keyOf('access token'))],
    ['signed by us without an end', (token) => signed(parts(token)[0], { ...claimsOf(token), exp: undefined }, keyOf('access token'))],
    ['signed by us with an end in words', (token) => signed(parts(token)[0], { ...claimsOf(token), exp: 'never' }, keyOf('access token'))],
    [
      'that is over',
      (token) => signed(parts(token)[0], { ...claimsOf(token), exp: Math.floor(Date.now() / 1_000) - 1 }, keyOf('access token')),
    ],
    [
      'from the future',
      (token) => signed(parts(token)[0], { ...claimsOf(token), iat: Math.floor(Date.now() / 1_000) + 960 }, keyOf('access token')),
    ],
    ['of a sign-in that never was', (token) => signed(parts(token)[0], { ...claimsOf(token), sid: newId() }, keyOf('access token'))],
    [
      'of a sign-in that is another person’s',
      (token) => signed(parts(token)[0], { ...claimsOf(token), sub: newId() }, keyOf('access token')),
    ],
    ['with letters behind it', (token) => `${token}x`],
    ['with a changed last letter', (token) => `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`],
    ['with a dot behind it', (token) => `${token}.`],
    ['of 7,000 letters', (token) => `${parts(token)[0]}.${'a'.repeat(7_000)}.${parts(token)[2]}`],
    ['that is no token', () => 'token'],
    ['that is three dots', () => '...'],
  ])('%s', async (_, forge) => {
    const { status, json, headers } = await me(forge(ana.accessToken));
    expect([status, json.code]).toEqual([401, 'unauthenticated']);
    expect(headers.get('www-authenticate')).toBe('Bearer');
  });

  it('signed with a public key as a secret', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const pem = String(publicKey.export({ type: 'spki', format: 'pem' }));
    expect((await me(signed(parts(ana.accessToken)[0], claimsOf(ana.accessToken), pem))).status).toBe(401);
    const text = `${encoded({ ...headOf(ana.accessToken), alg: 'RS256' })}.${parts(ana.accessToken)[1]}`;
    expect((await me(`${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`)).status).toBe(401);
  });

  it.each(['Basic YTpi', 'Bearer', 'Bearer  ', 'bearer: x', 'Token x', ''])('in the header "%s"', async (authorization) => {
    expect((await people.ask('/api/v1/users/me', { headers: { authorization } })).status).toBe(401);
  });

  it('that is a refresh token, and a refresh token that is an access token', async () => {
    expect((await me(ana.refreshToken)).status).toBe(401);
    for (const path of ['/auth/refresh', '/auth/logout']) {
      const { status } = await people.send('POST', path, { refreshToken: ana.accessToken.slice(0, 200) });
      expect(status).toBe(path === '/auth/logout' ? 204 : 401);
    }
    expect((await me(ana.accessToken)).status).toBe(200);
  });
});

describe('An access token', () => {
  it('says nothing of its owner but the id', () => {
    expect(Object.keys(claimsOf(ana.accessToken)).sort()).toEqual(['aud', 'exp', 'iat', 'iss', 'sid', 'sub', 'use']);
    expect(headOf(ana.accessToken)).toEqual({ alg: 'HS256', typ: 'at+jwt', kid: expect.stringMatching(/^[\w-]{8}$/) as string });
  });

  it('holds to the last second of its fifteen minutes', () => {
    const tokens = new AccessTokens(new Keys({ SECRET_KEY, SECRET_KEY_PREVIOUS: undefined }));
    const issued = Date.UTC(2026, 0, 1);
    const token = tokens.issue({ sub: newId(), sid: newId() }, issued);
    expect(tokens.read(token, issued + 899_999)).toBeDefined();
    expect(tokens.read(token, issued + 900_000)).toBeUndefined();
  });

  it('is read where the clock is ten minutes behind that of whoever signed it, and not where it is a quarter of an hour', () => {
    const tokens = new AccessTokens(new Keys({ SECRET_KEY, SECRET_KEY_PREVIOUS: undefined }));
    const issued = Date.UTC(2026, 0, 1);
    const token = tokens.issue({ sub: newId(), sid: newId() }, issued);
    expect(tokens.read(token, issued - 600_000)).toBeDefined();
    expect(tokens.read(token, issued - 901_000)).toBeUndefined();
  });

  it('outlives a change of keys, and a second one ends it', async () => {
    const changed = await openPeople({ SECRET_KEY: 'a newer key', SECRET_KEY_PREVIOUS: SECRET_KEY }, people);
    expect((await changed.send('GET', '/users/me', undefined, ana.accessToken)).status).toBe(200);
    const eva = await people.person();
    const { json } = await changed.send('POST', '/auth/refresh', { refreshToken: eva.refreshToken });
    expect(headOf(String(json.accessToken)).kid).not.toBe(headOf(eva.accessToken).kid);
    const twice = await openPeople({ SECRET_KEY: 'the newest key', SECRET_KEY_PREVIOUS: 'a newer key' }, people);
    expect((await twice.send('GET', '/users/me', undefined, ana.accessToken)).status).toBe(401);
    expect((await twice.send('GET', '/users/me', undefined, String(json.accessToken))).status).toBe(200);
    expect((await twice.send('POST', '/auth/refresh', { refreshToken: ana.refreshToken })).status).toBe(401);
    await Promise.all([changed.close(), twice.close()]);
  });
});
