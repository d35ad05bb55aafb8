import type { OutgoingHttpHeaders } from 'node:http';
import { generateSync } from 'otplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API, boardOf, cookieIn, here, LOGIN, LOGOUT } from '../support/board.js';
import { eventually } from '../support/lab.js';
import { newEmail, openPeople, PASSWORD, type People, type Session } from '../support/people.js';

let people: People;
let board: ReturnType<typeof boardOf>;
let admin: Session;
beforeAll(async () => {
  people = await openPeople();
  board = boardOf(people);
  admin = await people.person({ role: 'admin' });
});
afterAll(() => people.close());

describe('signing in at the board', () => {
  it('begins at the address that people remember', async () => {
    for (const path of ['/admin', '/admin/']) {
      const { status, headers } = await board.ask(path);
      expect([status, headers.location]).toEqual([303, '/admin/queues']);
    }
  });

  it('is refused from other sites, and to who does not say whence he comes', async () => {
    const own = new URL(people.url).host;
    const elsewhere: OutgoingHttpHeaders[] = [
      ...[{}, { origin: 'null' }, { origin: 'http://evil.example' }, { origin: `http://${own}.evil.example` }, { origin: 'nothing' }],
      ...[
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { 'sec-fetch-site': 'none' },
        { 'sec-fetch-site': 'cross-site', origin: people.url },
      ],
    ];
    for (const headers of elsewhere)
      for (const path of [LOGIN, LOGOUT]) {
        const { code, headers: told } = await board.ask(path, {
          method: 'POST',
          headers,
          form: { email: admin.user.email, password: PASSWORD },
        });
        expect([code, told['set-cookie']]).toEqual(['forbidden', undefined]);
      }
    expect((await board.signIn(admin.user.email, { headers: { origin: people.url } })).status).toBe(303);
  });

  it('says on the page what is wrong, and never who is there', async () => {
    const wrong = await board.signIn(admin.user.email, { password: 'another one entirely' });
    const nobody = await board.signIn(newEmail());
    expect([wrong.status, wrong.text]).toEqual([nobody.status, nobody.text]);
    expect([wrong.status, wrong.headers['set-cookie']]).toEqual([401, undefined]);
    expect(wrong.text).toContain('E-mail or password is wrong.');
    for (const email of ['', 'x', '<script>alert(1)</script>']) {
      const { status, text } = await board.signIn(email);
      expect(status).toBe(422);
      expect(text).not.toContain('<script');
    }
    expect((await board.ask(LOGIN, { method: 'POST', headers: here })).status).toBe(422);
    expect((await board.ask(LOGIN, { method: 'POST', headers: { ...here, 'content-type': 'text/plain' }, form: {} })).status).toBe(415);
  });

  it('asks for the second factor, and takes each code once', async () => {
    const safe = await people.person({ role: 'admin' });
    const { json } = await people.send('POST', '/auth/otp/enable', undefined, safe.accessToken);
    const code = () => generateSync({ secret: String(json.secret) });
    await people.send('POST', '/auth/otp/confirm', { code: code() }, safe.accessToken);
    const first = await board.signIn(safe.user.email);
    expect(first.status).toBe(401);
    expect(first.text).toContain('code of your app');
    expect((await board.signIn(safe.user.email, { otp: '000000' })).status).toBe(401);
    const [recovery = ''] = json.recoveryCodes as string[];
    expect((await board.signIn(safe.user.email, { otp: recovery })).status).toBe(303);
    expect((await board.signIn(safe.user.email, { otp: recovery })).status).toBe(401);
  });

  it('has the limits of any sign-in', async () => {
    const limited = await openPeople({ RATE_LIMIT_AUTH_PER_MINUTE: '3' }, people);
    const tries = [];
    for (let n = 0; n < 4; n += 1) tries.push((await board.signIn(newEmail(), { at: limited })).status);
    expect(tries).toEqual([401, 401, 401, 429]);
    const { headers, text } = await board.signIn(admin.user.email, { at: limited });
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(text).toMatch(/Try again in \d+ s\./);
    await limited.close();
  });

  it('gives in production a cookie that goes through TLS alone', async () => {
    const production = await openPeople(
      { ENVIRONMENT: 'production', SECRET_KEY: 'k'.repeat(64), PUBLIC_URL: 'https://mutirao.example' },
      people,
    );
    const headers = { origin: 'https://mutirao.example', host: 'inner:3000' };
    const { status, headers: told } = await eventually(
      () => board.signIn(admin.user.email, { at: production, headers }),
      (answer) => answer.status !== 503,
    );
    expect([status, told['set-cookie']?.[0]]).toEqual([303, expect.stringMatching(/; HttpOnly; SameSite=Strict; Secure$/)]);
    await production.close();
  });

  it('gives a cookie that no script reads, no other site sends and no other path gets', async () => {
    const { headers } = await board.signIn(admin.user.email);
    expect(headers['set-cookie']).toEqual([
      expect.stringMatching(/^mutirao_admin=[\w.-]+; Max-Age=1800; Path=\/admin; HttpOnly; SameSite=Strict$/),
    ]);
    expect(headers['cache-control']).toBe('no-store');
    const signedIn = await board.ask(LOGIN, { headers: { cookie: cookieIn(headers) } });
    expect(signedIn.text).toContain('Sign out');
    expect(signedIn.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(signedIn.text).not.toMatch(/<script|https?:/);
  });
});

describe('a way in that ends', () => {
  const isOpen = async (cookie: string, at = people) => (await board.ask(API, { headers: { cookie }, at })).status;

  it('by signing out', async () => {
    const cookie = await board.cookieOf(admin);
    expect(await isOpen(cookie)).toBe(200);
    const out = await board.ask(LOGOUT, { method: 'POST', headers: { ...here, cookie }, form: {} });
    expect([out.status, out.headers.location]).toEqual([303, LOGIN]);
    expect(out.headers['set-cookie']?.[0]).toMatch(/^mutirao_admin=; Max-Age=0; Path=\/admin;/);
    expect(await isOpen(cookie)).toBe(401);
  });

  it.each<[string, number, (person: Session) => ReturnType<People['send']>]>([
    ['everywhere', 401, ({ accessToken }) => people.send('POST', '/auth/logout-all', undefined, accessToken)],
    ['disabled', 401, ({ user }) => people.send('PATCH', `/users/${user.id}`, { disabled: true }, admin.accessToken)],
    ['no admin any more', 403, ({ user }) => people.send('PATCH', `/users/${user.id}`, { role: 'donor' }, admin.accessToken)],
  ])('by being %s, in every process', async (_how, status, end) => {
    const beside = await openPeople({}, people);
    const other = await people.person({ role: 'admin' });
    const cookie = await board.cookieOf(other);
    expect(
      await eventually(
        () => isOpen(cookie, beside),
        (one) => one === 200,
      ),
    ).toBe(200);
    expect((await end(other)).status).toBeLessThan(300);
    expect(await isOpen(cookie)).toBe(status);
    await eventually(
      () => isOpen(cookie, beside),
      (one) => one === status,
    );
    await beside.close();
  });
});
