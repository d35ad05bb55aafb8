import fc from 'fast-check';
import { generateSync } from 'otplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MailLinks } from '../../src/auth/mail-links.js';
import { readConfig } from '../../src/config/config.js';
import { Keys } from '../../src/config/keys.js';
import { eventually } from '../support/lab.js';
import { openPeople, newEmail, PASSWORD, type People } from '../support/people.js';
import { spawnPeople, type Answer } from '../support/people.processes.js';

let two: Awaited<ReturnType<typeof spawnPeople>>;
let people: People;
beforeAll(async () => {
  [two, people] = await Promise.all([spawnPeople(2), openPeople()]);
});
afterAll(() => Promise.all([two.close(), people.close()]));

const statuses = (answers: (Answer | undefined)[]) => answers.map((answer) => answer?.status).sort();
const register = (at: number, email: string) => two.send(at, 'POST', '/auth/register', { email, password: PASSWORD, name: 'Ana' });
const login = (at: number, email: string) => two.send(at, 'POST', '/auth/login', { email, password: PASSWORD });
const refresh = (at: number, refreshToken: unknown) => two.send(at, 'POST', '/auth/refresh', { refreshToken });

describe('Many at once', () => {
  it('who register with one address are one person', async () => {
    const email = newEmail();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => register(n, n % 3 ? email : ` ${email.toUpperCase()}`)));
    expect(statuses(answers)).toEqual([201, ...Array.from({ length: 19 }, () => 409)]);
    expect(await two.rows('SELECT count(*)::int AS many FROM users WHERE email = $1', [email])).toEqual([{ many: 1 }]);
    expect(await two.rows(`SELECT count(*)::int AS many FROM outbox WHERE job = 'auth.verify-email'`)).toEqual([{ many: 1 }]);
  });

  it('who refresh with one token get one successor, round after round', async () => {
    let token = (await register(0, newEmail()))?.json.refreshToken;
    for (let round = 0; round < 4; round += 1) {
      const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => refresh(n, token)));
      expect(new Set(statuses(answers))).toEqual(new Set([200]));
      const successors = new Set(answers.map((answer) => answer?.json.refreshToken));
      expect(successors.size).toBe(1);
      [token] = successors;
    }
  });

  it('who use a token again after its grace end one sign-in, and leave one row', async () => {
    const ana = await register(0, newEmail());
    await refresh(0, ana?.json.refreshToken);
    await two.rows(`UPDATE sessions SET rotations = ARRAY(SELECT at - interval '1 hour' FROM unnest(rotations) at)`);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => refresh(n, ana?.json.refreshToken)));
    expect(new Set(statuses(answers))).toEqual(new Set([401]));
    expect(
      await two.rows(`SELECT count(*)::int AS many FROM audit_log WHERE action = 'refresh_reused' AND subject_id = $1`, [
        (ana?.json.user as { id: string }).id,
      ]),
    ).toEqual([{ many: 1 }]);
  });

  it('who sign in are let in or told when to come again, and others are still answered', async () => {
    const email = newEmail();
    await register(0, email);
    // Of those who sign in so often, older sign-ins end: somebody else reads.
    const ana = await register(0, newEmail());
    const crowd = Promise.all(Array.from({ length: 700 }, () => login(0, email)));
    let reads = 0;
    const reading = (async () => {
      const over = { yes: false };
      void crowd.then(() => (over.yes = true));
      while (!over.yes) {
        const answer = await two.send(0, 'GET', '/users/me', undefined, String(ana?.json.accessToken));
        if (answer?.status === 200) reads += 1;
        else expect(answer?.json.code).toBe('overloaded');
      }
    })();
    const answers = await crowd;
    await reading;
    const refused = answers.filter((answer) => answer?.status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) {
      expect([answer?.status, answer?.json.code]).toEqual([503, 'overloaded']);
      expect(answer?.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    }
    expect(answers.length - refused.length).toBeGreaterThan(10);
    expect(reads).toBeGreaterThan(0);
  });
});

describe('A sign-in that is under way', () => {
  const links = new MailLinks(new Keys({ SECRET_KEY: 'tests', SECRET_KEY_PREVIOUS: undefined }), readConfig({}));
  const openOf = (id: string) =>
    people.rows<{ many: number }>('SELECT count(*)::int AS many FROM sessions WHERE user_id = $1 AND ended_at IS NULL', [id]);

  it.each(['reset', 'disable', 'go'] as const)('opens nothing after its right has ended: %s', async (way) => {
    const admin = await people.person({ role: 'admin' });
    const { user, accessToken } = await people.person();
    const crowd = Array.from({ length: 25 }, () => people.signIn(user.email));
    await Promise.race(crowd);
    if (way === 'reset') {
      const [row] = await people.rows<{ hash: string }>('SELECT password_hash AS hash FROM users WHERE id = $1', [user.id]);
      const token = links.make('reset', user.id, `${user.email}\n${row?.hash}`).split('token=')[1];
      expect((await people.send('POST', '/auth/password/reset', { token, password: 'eine ganz andere Wendung' })).status).toBe(204);
    } else if (way === 'disable') await people.send('PATCH', `/users/${user.id}`, { disabled: true }, admin.accessToken);
    else await people.send('DELETE', '/users/me', undefined, accessToken);
    await Promise.all(crowd);
    expect(await openOf(user.id)).toEqual([{ many: 0 }]);
  });

  it('is asked for a second proof that was made meanwhile', async () => {
    const { user, accessToken } = await people.person();
    const { json } = await people.send('POST', '/auth/otp/enable', undefined, accessToken);
    const crowd = Array.from({ length: 25 }, () => people.signIn(user.email));
    await Promise.race(crowd);
    const confirmed = await people.send('POST', '/auth/otp/confirm', { code: generateSync({ secret: String(json.secret) }) }, accessToken);
    expect(confirmed.status).toBe(204);
    // Whoever was in time is in by now.
    const before = await openOf(user.id);
    await Promise.all(crowd);
    expect(await openOf(user.id)).toEqual(before);
  });
});

describe('A process that is killed', () => {
  it('forgets nobody whom it has told that he is in', async () => {
    const told: string[] = [];
    const asked = Array.from({ length: 60 }, newEmail);
    const registering = asked.map(async (email) => {
      let answer = await register(0, email);
      while (answer?.status === 503) answer = await register(0, email);
      if (answer?.status === 201) told.push(email);
    });
    await eventually(
      async () => told.length,
      (many) => many > 0,
    );
    await two.kill(0);
    await Promise.all(registering);
    for (const email of asked) {
      const again = await register(1, email);
      expect([201, 409, 503]).toContain(again?.status);
      if (told.includes(email)) expect(again?.status).toBe(409);
    }
    for (const email of told.slice(0, 5)) expect((await login(1, email))?.status).toBe(200);
  });

  it('locks out no one who refreshed under it: his old token is as good as the answer that was lost', async () => {
    const tokens = await Promise.all(Array.from({ length: 12 }, async () => (await register(1, newEmail()))?.json.refreshToken));
    let killed = false;
    const clients = tokens.map(async (first) => {
      let token = first;
      while (!killed) {
        const answer = await refresh(0, token);
        if (answer?.status === 200) token = answer.json.refreshToken;
        else if (answer === undefined) break;
      }
      return token;
    });
    await Promise.race(tokens.map((token) => refresh(1, token)));
    await two.kill(0);
    killed = true;
    // Together, as the old one is good for some seconds only.
    const after = await Promise.all(clients.map(async (token) => (await refresh(1, await token))?.status));
    expect(after).toEqual(clients.map(() => 200));
  });
});

type Step = { kind: 'refresh'; back: number } | { kind: 'wait'; seconds: number } | { kind: 'logout' };

describe('A family of refresh tokens', () => {
  it('follows its rule, whatever comes in whatever order', async () => {
    const asks: fc.Arbitrary<Step> = fc.record({ kind: fc.constant('refresh' as const), back: fc.integer({ min: 0, max: 3 }) });
    const waits: fc.Arbitrary<Step> = fc.record({ kind: fc.constant('wait' as const), seconds: fc.constantFrom(3, 6, 20) });
    const leaves: fc.Arbitrary<Step> = fc.record({ kind: fc.constant('logout' as const) });
    const step = fc.oneof({ weight: 6, arbitrary: asks }, { weight: 3, arbitrary: waits }, { weight: 1, arbitrary: leaves });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
        const { refreshToken, user } = await people.person();
        const tokens = [refreshToken];
        const ages: number[] = [];
        let ended = false;
        for (const one of steps) {
          if (one.kind === 'wait') {
            await people.rows(
              'UPDATE sessions SET rotations = ARRAY(SELECT at - make_interval(secs => $2) FROM unnest(rotations) at) WHERE user_id = $1',
              [user.id, one.seconds],
            );
            ages.forEach((age, at) => (ages[at] = age + one.seconds));
            continue;
          }
          const at = Math.max(0, tokens.length - 1 - (one.kind === 'refresh' ? one.back : 0));
          if (one.kind === 'logout') {
            expect((await people.send('POST', '/auth/logout', { refreshToken: tokens[at] })).status).toBe(204);
            ended = true;
            continue;
          }
          const { status, json } = await people.send('POST', '/auth/refresh', { refreshToken: tokens[at] });
          const isNewest = at === tokens.length - 1;
          // Steps of the test take a moment themselves: never near the end of the ten seconds.
          const isGood = !ended && (isNewest || (ages[at] ?? 0) < 10);
          expect(status).toBe(isGood ? 200 : 401);
          if (!isGood) ended = true;
          else if (isNewest) {
            tokens.push(String(json.refreshToken));
            ages.push(0);
          } else expect(json.refreshToken).toBe(tokens[at + 1]);
        }
      }),
      { numRuns: 60 },
    );
  });
});
