import { hash } from '@node-rs/argon2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newEmail, openPeople, PASSWORD, type People } from '../support/people.js';

let people: People;
beforeAll(async () => {
  people = await openPeople();
});
afterAll(() => people.close());

const register = (more: object) =>
  people.send('POST', '/auth/register', { email: newEmail(), password: PASSWORD, name: 'Ana Souza', ...more });

describe('Registration is refused', () => {
  it.each<[string, object, string]>([
    ['without an address', { email: undefined }, 'email'],
    ['with an address that begins with a dot', { email: '.a@example.org' }, 'email'],
    ['with an address with two dots', { email: 'a..b@example.org' }, 'email'],
    ['with an address that is none', { email: 'ana' }, 'email'],
    ['with two addresses', { email: 'ana@example.org,eva@example.org' }, 'email'],
    ['with a line end in the address', { email: 'ana@example.org\r\nBcc: all@example.org' }, 'email'],
    ['with NUL in the address', { email: 'a\0na@example.org' }, 'email'],
    ['with an address of 5,000 letters', { email: `${'a'.repeat(5_000)}@example.org` }, 'email'],
    ['with a short password', { password: 'kurz!7Qx9' }, 'password'],
    ['with a password of 201 letters', { password: 'xY7!'.repeat(51) }, 'password'],
    ['with a common password', { password: 'password12' }, 'password'],
    ['with a common password in disguise', { password: 'P@ssw0rd2024!' }, 'password'],
    ['with a common Portuguese password', { password: 'flamengo2023' }, 'password'],
    ['with a password of the place', { password: 'Corinthians1910' }, 'password'],
    ['with a word and many digits', { password: 'princess1234567890' }, 'password'],
    ['with a word again and again', { password: '1234512345' }, 'password'],
    ['with a run', { password: '1234567890' }, 'password'],
    ['with one letter', { password: 'aaaaaaaaaaaa' }, 'password'],
    ['with the own address as password', { email: 'ana.souza.lima@example.org', password: 'Ana.Souza.Lima@example.org' }, 'password'],
    ['with the own name as password', { name: 'Anastasia Pereira', password: 'anastasia2024' }, 'password'],
    ['without a name', { name: '   ' }, 'name'],
    ['with a name that turns the line', { name: 'Ana‮azuoS' }, 'name'],
    ['with a name of no letter', { name: '\u00ad!' }, 'name'],
    ['with a name that nobody sees', { name: 'A\u200bna' }, 'name'],
    ['with NUL in the name', { name: 'A\0na' }, 'name'],
    ['with a name of 5,000 letters', { name: 'A'.repeat(5_000) }, 'name'],
    ['with a telephone number of no country', { phone: '11987654321' }, 'phone'],
    ['with a telephone number that nobody has', { phone: '+5511' }, 'phone'],
    ['with a role', { role: 'admin' }, 'role'],
    ['with a plan', { plan: 'enterprise' }, 'plan'],
    ['with an id', { id: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b' }, 'id'],
    ['verified by itself', { emailVerifiedAt: '2026-01-01T00:00:00Z' }, 'emailVerifiedAt'],
  ])('%s', async (_, more, path) => {
    const { status, json } = await register(more);
    expect([status, json.code, json.errors]).toEqual([422, 'validation_failed', [expect.objectContaining({ path })]]);
  });

  it('for an address that somebody has, however it is written', async () => {
    const email = newEmail();
    await people.person({ email });
    const wide = email.replace('p', 'ｐ');
    for (const same of [email, email.toUpperCase(), ` ${email} `, wide]) {
      const { status, json } = await register({ email: same });
      expect([status, json.code]).toEqual([409, 'email_taken']);
    }
  });
});

describe('Who registers', () => {
  it('is a donor of the free plan, signed in', async () => {
    const email = newEmail();
    const { status, json, headers } = await register({ email: email.toUpperCase(), phone: '+55 11 98765-4321', messagingConsent: true });
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(json).toEqual({
      accessToken: expect.any(String) as string,
      refreshToken: expect.any(String) as string,
      tokenType: 'Bearer',
      expiresIn: 900,
      user: { id: expect.any(String) as string, email, name: 'Ana Souza', role: 'donor', plan: 'free' },
    });
    const me = await people.send('GET', '/users/me', undefined, String(json.accessToken));
    expect(me.json).toMatchObject({ email, phone: '+5511987654321', messagingConsent: true, emailVerified: false });
    const [kept] = await people.rows<{ hash: string; source: string; at: Date }>(
      'SELECT password_hash AS hash, consent_source AS source, consent_at AS at FROM users WHERE email = $1',
      [email],
    );
    expect(kept?.hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(kept?.source).toBe('registration');
    expect(kept?.at).toBeInstanceOf(Date);
  });
});

describe('Sign-in', () => {
  it('says the same of wrong passwords, unknown addresses and disabled people', async () => {
    const { user } = await people.person();
    const away = await people.person();
    await people.rows('UPDATE users SET disabled_at = now() WHERE id = $1', [away.user.id]);
    const answers = await Promise.all([
      people.signIn(user.email, 'not my own sentence'),
      people.signIn(newEmail()),
      people.signIn(away.user.email),
      people.signIn(user.email, ''),
      people.signIn(user.email, 'x'.repeat(200)),
    ]);
    for (const { status, json, headers } of answers) {
      expect([status, json.code]).toEqual([401, 'invalid_credentials']);
      expect(headers.get('www-authenticate')).toBe('Bearer');
      expect({ ...json, requestId: '' }).toEqual({ ...answers[0].json, requestId: '' });
    }
  });

  it('takes the same work for known and unknown addresses', async () => {
    const { user } = await people.person();
    const known: number[] = [];
    const unknown: number[] = [];
    for (let n = 0; n < 15; n += 1) {
      await people.rows('DELETE FROM sign_in_failures');
      known.push((await people.signIn(user.email, 'not my own sentence')).ms);
      unknown.push((await people.signIn(newEmail(), 'not my own sentence')).ms);
    }
    const least = (times: number[]) => Math.min(...times);
    // A check left out would be a tenth of the other.
    expect(least(unknown)).toBeGreaterThan(least(known) / 2);
    expect(least(known)).toBeGreaterThan(least(unknown) / 2);
  });

  it('opens to the right password, however the address is written', async () => {
    const { user } = await people.person();
    const { status, json } = await people.signIn(` ${user.email.toUpperCase()}`);
    expect([status, (json.user as { id: string }).id]).toEqual([200, user.id]);
  });

  it('opens to the same password, however its accents are written', async () => {
    const email = newEmail();
    await register({ email, password: 'São João é já amanhã'.normalize('NFC') });
    expect((await people.signIn(email, 'São João é já amanhã'.normalize('NFD'))).status).toBe(200);
  });

  it('is asked by who still shows something old, as are all ways in', async () => {
    const { user, refreshToken, accessToken } = await people.person();
    const old = { authorization: `Bearer ${accessToken}x` };
    const ask = (path: string, json: object) => people.send('POST', path, json, undefined, old);
    expect((await ask('/auth/login', { email: user.email, password: PASSWORD })).status).toBe(200);
    expect((await ask('/auth/refresh', { refreshToken })).status).toBe(200);
    expect((await ask('/auth/password/forgot', { email: user.email })).status).toBe(202);
    expect((await ask('/auth/logout', { refreshToken })).status).toBe(204);
    expect((await ask('/auth/register', { email: newEmail(), password: PASSWORD, name: 'Ana' })).status).toBe(201);
  });

  it('makes a weaker hash anew', async () => {
    const { user } = await people.person();
    const weak = await hash(PASSWORD, { memoryCost: 8_192, timeCost: 1, parallelism: 1 });
    await people.rows('UPDATE users SET password_hash = $2 WHERE id = $1', [user.id, weak]);
    expect((await people.signIn(user.email)).status).toBe(200);
    const [kept] = await people.rows<{ hash: string }>('SELECT password_hash AS hash FROM users WHERE id = $1', [user.id]);
    expect(kept?.hash).toMatch(/m=19456,t=2,p=1/);
    expect((await people.signIn(user.email)).status).toBe(200);
  });

  it('lets wait after five failures, longer each time, without locking out who is in', async () => {
    const { user, accessToken, refreshToken } = await people.person();
    for (let n = 0; n < 5; n += 1) expect((await people.signIn(user.email, 'not my own sentence')).status).toBe(401);
    const refused = await people.signIn(user.email);
    expect([refused.status, refused.json.code]).toEqual([429, 'rate_limited']);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect((await people.send('GET', '/users/me', undefined, accessToken)).status).toBe(200);
    expect((await people.send('POST', '/auth/refresh', { refreshToken })).status).toBe(200);
    const passed = (seconds: number) =>
      people.rows(`UPDATE sign_in_failures SET failed_at = failed_at - make_interval(secs => $1)`, [seconds]);
    await passed(1);
    expect((await people.signIn(user.email, 'not my own sentence')).status).toBe(401);
    expect((await people.signIn(user.email)).headers.get('retry-after')).toBe('2');
    await passed(2);
    expect((await people.signIn(user.email)).status).toBe(200);
    expect((await people.signIn(user.email, 'not my own sentence')).status).toBe(401);
  });

  it('lets wait for unknown addresses just so', async () => {
    const email = newEmail();
    for (let n = 0; n < 5; n += 1) await people.signIn(email, 'not my own sentence');
    expect((await people.signIn(email)).status).toBe(429);
  });

  it.each([{ otp: 5 }, { email: 5 }, { password: ['a'] }, { password: 'x'.repeat(5_000) }, { remember: true }])(
    'refuses %j',
    async (more) => {
      expect((await people.signIn(newEmail(), PASSWORD, more)).status).toBe(422);
    },
  );

  it('keeps no password, token or address of a person in the log', async () => {
    const { user, accessToken } = await people.person();
    await people.signIn(user.email, 'not my own sentence');
    await people.send('GET', '/users/me', undefined, accessToken);
    const log = JSON.stringify(people.lines);
    for (const secret of [PASSWORD, 'not my own sentence', user.email, accessToken]) expect(log).not.toContain(secret);
  });
});

describe('Limits of sign-in', () => {
  it('hold for an account from many addresses, and are not turned by a forged one', async () => {
    const limited = await openPeople({ RATE_LIMIT_AUTH_PER_MINUTE: '5', TRUST_PROXY: '127.0.0.1' }, people);
    const from = (address: string, email: string) =>
      limited.send('POST', '/auth/login', { email, password: 'not my own sentence' }, undefined, { 'x-forwarded-for': address });
    const email = newEmail();
    const rotated = await Promise.all(Array.from({ length: 8 }, (_, n) => from(`203.0.113.${n}`, n % 2 ? email : email.toUpperCase())));
    expect(rotated.filter(({ status }) => status === 429)).toHaveLength(3);
    const forged = await Promise.all(Array.from({ length: 8 }, (_, n) => from(`192.0.2.${n}, 198.51.100.7`, newEmail())));
    expect(forged.filter(({ status }) => status === 429)).toHaveLength(3);
    expect(forged.find(({ status }) => status === 429)?.headers.get('retry-after')).toMatch(/^\d+$/);
    await limited.close();
  });
});
