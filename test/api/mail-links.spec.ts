import { generateSync } from 'otplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Keys } from '../../src/config/keys.js';
import { readConfig } from '../../src/config/config.js';
import { MailLinks } from '../../src/auth/mail-links.js';
import { newId } from '../../src/kernel/ids.js';
import { eventually } from '../support/lab.js';
import { codesOf, newEmail, openPeople, PASSWORD, type People, type Session } from '../support/people.js';

const NEW = 'eine ganz andere Wendung';
const PUBLIC_URL = 'https://mutirao.example/app/';
interface Letter {
  to: string;
  subject: string;
  text: string;
}

let people: People;
let admin: Session;
beforeAll(async () => {
  people = await openPeople({ APP_ROLE: 'all', ENVIRONMENT: 'development', PUBLIC_URL });
  admin = await people.person({ role: 'admin' });
});
afterAll(() => people.close());

const lettersTo = async (to: string) => {
  const { json } = await people.send('GET', `/ops/mailbox?to=${encodeURIComponent(to)}`, undefined, admin.accessToken);
  return json.items as Letter[];
};
const letter = async (to: string, subject: string) =>
  (
    await eventually(
      () => lettersTo(to),
      (all) => all.some((one) => one.subject === subject),
    )
  ).find((one) => one.subject === subject)!;
const linkIn = ({ text }: Letter) => new URL(/https?:\S+/.exec(text)?.[0] ?? 'none:');
const tokenOf = (one: Letter) => new URLSearchParams(linkIn(one).hash.slice(1)).get('token') ?? '';
const forgot = (email: unknown, headers?: Record<string, string>) =>
  people.send('POST', '/auth/password/forgot', { email }, undefined, headers);
const reset = (token: string, password = NEW) => people.send('POST', '/auth/password/reset', { token, password });
const verify = (token: string) => people.send('POST', '/auth/email/verify', { token });

describe('Links that are none', () => {
  it('are refused', async () => {
    const ana = await people.person();
    await forgot(ana.user.email);
    const forReset = tokenOf(await letter(ana.user.email, 'Uma nova senha'));
    const forVerify = tokenOf(await letter(ana.user.email, 'Confirme o seu e-mail'));
    const [, until = '', proof = ''] = forReset.split('.');
    const forged = [
      '',
      'x',
      forVerify,
      `${newId()}.${until}.${proof}`,
      `${admin.user.id}.${until}.${proof}`,
      `${ana.user.id}.zzzzzzz.${proof}`,
      `${ana.user.id}.${until}.${'A'.repeat(43)}`,
      `${forReset}x`,
      ana.accessToken.slice(0, 190),
      ana.refreshToken,
    ];
    for (const token of forged) expect(codesOf(await reset(token)), token).toEqual([422, 'link_invalid']);
    for (const token of ['', 'x', forReset, `${forVerify}x`]) expect(codesOf(await verify(token))).toEqual([422, 'link_invalid']);
    expect((await people.signIn(ana.user.email)).status).toBe(200);
    expect((await people.send('GET', '/users/me', undefined, ana.accessToken)).json.emailVerified).toBe(false);
  });

  it('are those that are over', () => {
    const links = new MailLinks(new Keys({ SECRET_KEY: 'x', SECRET_KEY_PREVIOUS: undefined }), readConfig({}));
    const id = newId();
    const made = Date.UTC(2026, 0, 1);
    for (const [use, ms] of [
      ['reset', 3_600_000],
      ['verify', 7 * 86_400_000],
    ] as const) {
      const token = links.make(use, id, 'bound', made).split('token=')[1] ?? '';
      expect(links.isGood(use, token, 'bound', made + ms - 1)).toBe(true);
      expect(links.isGood(use, token, 'bound', made + ms)).toBe(false);
      expect(links.isGood(use, token, 'other', made)).toBe(false);
    }
  });

  it.each([{}, { token: 'x' }, { token: 'x', password: 'kurz' }, { token: 5, password: NEW }, { token: 'x'.repeat(5_000), password: NEW }])(
    'and bodies such as %j are not valid',
    async (body) => {
      expect((await people.send('POST', '/auth/password/reset', body)).status).toBe(422);
    },
  );
});

describe('A new password', () => {
  it('is asked for with the same answer, whoever has the address', async () => {
    const { user } = await people.person();
    const [known, unknown] = await Promise.all([forgot(user.email), forgot(newEmail())]);
    for (const { status, text } of [known, unknown]) expect([status, text]).toEqual([202, '']);
    for (const wrong of ['ana', 5, 'a\0@example.org']) expect((await forgot(wrong)).status).toBe(422);
  });

  it('is set once by its link, which ends all sign-ins and the wait after failures', async () => {
    const ana = await people.person();
    for (let n = 0; n < 6; n += 1) await people.signIn(ana.user.email, 'not my own sentence');
    await forgot(ana.user.email.toUpperCase(), { host: 'evil.example', 'x-forwarded-host': 'evil.example' });
    const mail = await letter(ana.user.email, 'Uma nova senha');
    expect(linkIn(mail).href).toMatch(/^https:\/\/mutirao\.example\/app\/reset-password#token=/);
    expect(mail.text).not.toContain('evil');
    const token = tokenOf(mail);
    expect((await reset(token, 'password12')).json.errors).toMatchObject([{ path: 'password' }]);
    expect((await reset(token, ana.user.email)).json.errors).toMatchObject([{ path: 'password' }]);
    const answers = await Promise.all([reset(token), reset(token, `${NEW} 2`), reset(token, `${NEW} 3`)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 422, 422]);
    expect(codesOf(await reset(token))).toEqual([422, 'link_invalid']);
    expect((await people.send('GET', '/users/me', undefined, ana.accessToken)).status).toBe(401);
    expect((await people.send('POST', '/auth/refresh', { refreshToken: ana.refreshToken })).status).toBe(401);
    expect((await people.signIn(ana.user.email)).status).toBe(401);
    const which = [NEW, `${NEW} 2`, `${NEW} 3`][answers.findIndex(({ status }) => status === 204)];
    const { status, json } = await people.signIn(ana.user.email, which);
    expect([status, json.user]).toMatchObject([200, { id: ana.user.id }]);
    const rows = await people.rows('SELECT action FROM audit_log WHERE subject_id = $1', [ana.user.id]);
    expect(rows).toEqual([{ action: 'password_reset' }]);
  });

  it('takes back what was made before anyone had shown that the address is his', async () => {
    const thief = await people.person();
    const key = String((await people.send('POST', '/auth/api-keys', { name: 'x', scopes: ['read'] }, thief.accessToken)).json.key);
    const { json } = await people.send('POST', '/auth/otp/enable', undefined, thief.accessToken);
    const code = generateSync({ secret: String(json.secret) });
    expect((await people.send('POST', '/auth/otp/confirm', { code }, thief.accessToken)).status).toBe(204);
    await forgot(thief.user.email);
    expect((await reset(tokenOf(await letter(thief.user.email, 'Uma nova senha')))).status).toBe(204);
    expect((await people.send('GET', '/users/me', undefined, key)).status).toBe(401);
    expect((await people.signIn(thief.user.email, NEW)).status).toBe(200);
  });

  it('is not for who is disabled or gone', async () => {
    const [off, gone] = [await people.person(), await people.person()];
    for (const { user } of [off, gone]) await forgot(user.email);
    const tokens = [tokenOf(await letter(off.user.email, 'Uma nova senha')), tokenOf(await letter(gone.user.email, 'Uma nova senha'))];
    await people.send('PATCH', `/users/${off.user.id}`, { disabled: true }, admin.accessToken);
    await people.send('DELETE', '/users/me', undefined, gone.accessToken);
    for (const token of tokens) expect(codesOf(await reset(token))).toEqual([422, 'link_invalid']);
    expect(await lettersTo(gone.user.email)).toEqual([]);
  });
});

describe('An address', () => {
  it('is confirmed by the link of the first letter, more than once', async () => {
    const ana = await people.person();
    const token = tokenOf(await letter(ana.user.email, 'Confirme o seu e-mail'));
    for (let n = 0; n < 2; n += 1) expect((await verify(token)).status).toBe(204);
    expect((await people.send('GET', '/users/me', undefined, ana.accessToken)).json.emailVerified).toBe(true);
  });

  it('is confirmed by a new password, too, as its link came by mail', async () => {
    const ana = await people.person();
    await forgot(ana.user.email);
    expect((await reset(tokenOf(await letter(ana.user.email, 'Uma nova senha')))).status).toBe(204);
    const { json } = await people.signIn(ana.user.email, NEW);
    expect((await people.send('GET', '/users/me', undefined, String(json.accessToken))).json.emailVerified).toBe(true);
  });

  it('puts no line of its own into a letter', async () => {
    const { json } = await people.send('POST', '/auth/register', {
      email: newEmail(),
      password: PASSWORD,
      name: 'Ana https://evil.example',
    });
    const { email } = json.user as { email: string };
    const { text } = await letter(email, 'Confirme o seu e-mail');
    expect(text.split('\n')[0]).toBe('Olá!');
    expect(text).not.toContain('evil');
  });
});
