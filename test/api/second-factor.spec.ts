import { generateSync } from 'otplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codesOf, openPeople, PASSWORD, type People, type Session } from '../support/people.js';

interface Proposal {
  secret: string;
  otpauthUrl: string;
  recoveryCodes: string[];
}

let people: People;
beforeAll(async () => {
  people = await openPeople();
});
afterAll(() => people.close());

const post = (path: string, { accessToken }: Session, body?: object) => people.send('POST', `/auth/otp/${path}`, body, accessToken);
/** The app's code of now, or so many steps later, by an implementation that is not ours. */
const codeOf = ({ secret }: Proposal, later = 0) => generateSync({ secret, epoch: Math.floor(Date.now() / 1_000) + 30 * later });
const begin = async (session: Session) => (await post('enable', session)).json as unknown as Proposal;
/** Somebody whose app has shown the code of now. */
async function secured() {
  const session = await people.person();
  const proposal = await begin(session);
  expect((await post('confirm', session, { code: codeOf(proposal) })).status).toBe(204);
  return { session, proposal, email: session.user.email };
}

describe('Two-factor is refused', () => {
  it('to who is not signed in, and to keys', async () => {
    const session = await people.person();
    const { json } = await people.send('POST', '/auth/api-keys', { name: 'all', scopes: ['read', 'write', 'ai'] }, session.accessToken);
    for (const path of ['enable', 'confirm', 'disable']) {
      expect(codesOf(await people.send('POST', `/auth/otp/${path}`, { code: '123456' }))).toEqual([401, 'unauthenticated']);
      expect(codesOf(await people.send('POST', `/auth/otp/${path}`, { code: '123456' }, String(json.key)))).toEqual([403, 'forbidden']);
    }
  });

  it('where there is nothing to confirm or disable, or it is on', async () => {
    const { session } = await secured();
    const other = await people.person();
    expect(codesOf(await post('enable', session))).toEqual([409, 'conflict']);
    expect(codesOf(await post('confirm', session, { code: '123456' }))).toEqual([409, 'conflict']);
    expect(codesOf(await post('confirm', other, { code: '123456' }))).toEqual([409, 'conflict']);
    expect(codesOf(await post('disable', other, { code: '123456' }))).toEqual([409, 'conflict']);
  });

  it.each([{}, { code: 123_456 }, { code: '1' }, { code: 'x'.repeat(5_000) }, { code: '123456', more: 1 }])('for %j', async (body) => {
    const session = await people.person();
    for (const path of ['confirm', 'disable']) expect((await post(path, session, body)).status).toBe(422);
  });

  it('for fields where none are read', async () => {
    const { status, json } = await post('enable', await people.person(), { role: 'admin' });
    expect([status, json.errors]).toEqual([422, [expect.objectContaining({ path: 'role' })]]);
  });

  it('for codes of others, of long ago and of later', async () => {
    const [ana, eva] = [await people.person(), await people.person()];
    const [own, other] = [await begin(ana), await begin(eva)];
    for (const code of [codeOf(other), codeOf(own, -2), codeOf(own, 2), '12345x'])
      expect(codesOf(await post('confirm', ana, { code }))).toEqual([401, 'otp_invalid']);
    expect((await people.signIn(ana.user.email)).status).toBe(200);
  });
});

describe('Two-factor', () => {
  it('tells an app what it needs', async () => {
    const session = await people.person();
    const { secret, otpauthUrl, recoveryCodes } = await begin(session);
    const url = new URL(otpauthUrl);
    expect([url.protocol, url.host, decodeURIComponent(url.pathname)]).toEqual(['otpauth:', 'totp', `/Mutirão:${session.user.email}`]);
    expect(Object.fromEntries(url.searchParams)).toEqual({ secret, issuer: 'Mutirão' });
    expect(new Set(recoveryCodes).size).toBe(10);
    for (const code of recoveryCodes) expect(code).toMatch(/^[a-z2-7]{8}-[a-z2-7]{8}$/);
    expect(await begin(session)).not.toMatchObject({ secret });
  });

  it('asks each sign-in for a code, which is good once, however many come with it', async () => {
    const { email, proposal } = await secured();
    expect(codesOf(await people.signIn(email))).toEqual([401, 'otp_required']);
    expect(codesOf(await people.signIn(email, 'not my own sentence', { otp: codeOf(proposal, 1) }))).toEqual([401, 'invalid_credentials']);
    expect(codesOf(await people.signIn(email, PASSWORD, { otp: codeOf(proposal) }))).toEqual([401, 'otp_invalid']);
    const answers = await Promise.all(Array.from({ length: 4 }, () => people.signIn(email, PASSWORD, { otp: codeOf(proposal, 1) })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ json }) => json.code === 'otp_invalid')).toHaveLength(3);
  });

  it('takes each recovery code once, as a person types it', async () => {
    const { email, proposal } = await secured();
    const [first = '', second = ''] = proposal.recoveryCodes;
    const answers = await Promise.all(Array.from({ length: 4 }, () => people.signIn(email, PASSWORD, { otp: first })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await people.signIn(email, PASSWORD, { otp: ` ${second.toUpperCase().replace('-', ' ')}` })).status).toBe(200);
    const [kept] = await people.rows<{ left: number }>(
      'SELECT cardinality(recovery) AS left FROM second_factors s JOIN users u ON u.id = s.user_id WHERE email = $1',
      [email],
    );
    expect(kept?.left).toBe(8);
  });

  it('lets wait who tries codes', async () => {
    const { email } = await secured();
    for (let n = 0; n < 5; n += 1) expect((await people.signIn(email, PASSWORD, { otp: '00000x' })).status).toBe(401);
    expect((await people.signIn(email, PASSWORD, { otp: '00000x' })).status).toBe(429);
  });

  it('ends with a code, and stays with a wrong one', async () => {
    const { session, email, proposal } = await secured();
    expect(codesOf(await post('disable', session, { code: codeOf(proposal) }))).toEqual([401, 'otp_invalid']);
    expect((await post('disable', session, { code: proposal.recoveryCodes[0] })).status).toBe(204);
    expect((await people.signIn(email)).status).toBe(200);
    const rows = await people.rows('SELECT action FROM audit_log WHERE subject_id = $1 ORDER BY id', [session.user.id]);
    expect(rows).toEqual([{ action: 'second_factor_on' }, { action: 'second_factor_off' }]);
  });

  it('keeps its secrets sealed, each for its owner', async () => {
    const [ana, eva] = [await secured(), await secured()];
    await people.rows(
      'UPDATE second_factors SET secret = (SELECT secret FROM second_factors WHERE user_id = $2), last_step = 0 WHERE user_id = $1',
      [ana.session.user.id, eva.session.user.id],
    );
    expect(codesOf(await people.signIn(ana.email, PASSWORD, { otp: codeOf(eva.proposal, 1) }))).toEqual([401, 'otp_invalid']);
  });

  it('keeps its recovery codes through changes of keys, and refuses all where its key is gone', async () => {
    const { email, proposal } = await secured();
    const second = await openPeople({ SECRET_KEY: 'second', SECRET_KEY_PREVIOUS: 'tests' }, people);
    expect((await second.signIn(email, PASSWORD, { otp: proposal.recoveryCodes[0] })).status).toBe(200);
    const third = await openPeople({ SECRET_KEY: 'third', SECRET_KEY_PREVIOUS: 'second' }, people);
    expect((await third.signIn(email, PASSWORD, { otp: proposal.recoveryCodes[1] })).status).toBe(200);
    const lost = await openPeople({ SECRET_KEY: 'fifth', SECRET_KEY_PREVIOUS: 'fourth' }, people);
    for (const otp of [codeOf(proposal, 1), proposal.recoveryCodes[2], '123456'])
      expect(codesOf(await lost.signIn(email, PASSWORD, { otp }))).toEqual([401, 'otp_invalid']);
    expect(lost.lines.filter(({ level, msg }) => level === 'error' && msg.startsWith('a second factor was sealed'))).toHaveLength(3);
    await Promise.all([second.close(), third.close(), lost.close()]);
  });

  it('outlives changes of keys, as long as it is used between them', async () => {
    const { email, proposal } = await secured();
    const later = await openPeople({ SECRET_KEY: 'second', SECRET_KEY_PREVIOUS: 'tests' }, people);
    expect((await later.signIn(email, PASSWORD, { otp: codeOf(proposal, 1) })).status).toBe(200);
    await people.rows('UPDATE second_factors SET last_step = 0');
    const last = await openPeople({ SECRET_KEY: 'third', SECRET_KEY_PREVIOUS: 'second' }, people);
    expect((await last.signIn(email, PASSWORD, { otp: codeOf(proposal) })).status).toBe(200);
    await Promise.all([later.close(), last.close()]);
  });
});
