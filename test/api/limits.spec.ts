import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, openLimits, someone, withStatus, type Answer } from '../support/limits.js';

let system: Awaited<ReturnType<typeof openLimits>>;
beforeAll(async () => {
  system = await openLimits({
    RATE_LIMIT_IP_PER_MINUTE: '20',
    RATE_LIMIT_USER_PER_MINUTE: '10',
    RATE_LIMIT_PER_MINUTE: '4',
    RATE_LIMIT_AUTH_PER_MINUTE: '3',
    BACKEND_CORS_ORIGINS: 'https://app.example',
    // As on two machines: a process whose Redis is slow for once passes the same here.
    WORKERS: '1',
  });
});
afterAll(() => system.close());

const get = (path: string, headers = someone()) => ask(`${system.urls[0]}${path}`, headers);
const person = (name: string) => ({ ...someone(), authorization: `Bearer ${name}` });
const signIn = (account: string, headers = someone()) => ask(`${system.urls[1]}/limits/sign-in`, headers, { account });
const hook = (proof: string, headers = someone()) => ask(`${system.urls[0]}/limits/webhook/word`, { ...headers, 'x-proof': proof }, {});
const limitHeaders = ({ headers }: Answer) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => /ratelimit|retry-after/.test(name)));

/** One after the other. */
async function times(many: number, work: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let n = 0; n < many; n += 1) answers.push(await work());
  return answers;
}
const statuses = (answers: Answer[]) => answers.map(({ status }) => status);

describe('who asks too often is refused', () => {
  it('with a problem, the time to wait, and what browsers need to read it', async () => {
    const caller = { ...someone(), origin: 'https://app.example' };
    await system.volley(20, '/limits/browse', caller);
    for (const url of system.urls)
      for (const path of ['/limits/browse', '/limits/raw', '/nowhere', '/api/v1/nowhere?x=1']) {
        const refusal = await ask(`${url}${path}`, caller);
        const wait = Number(refusal.headers['retry-after']);
        expect(refusal.status).toBe(429);
        expect(refusal.body).toMatchObject({
          code: 'rate_limited',
          status: 429,
          detail: `Try again in ${wait} s.`,
          instance: path.split('?')[0],
        });
        expect(wait).toBeGreaterThan(0);
        expect(wait).toBeLessThanOrEqual(60);
        const reset = String(refusal.headers['x-ratelimit-reset']);
        expect(Number(reset)).toBeGreaterThanOrEqual(wait);
        expect(Number(reset)).toBeLessThanOrEqual(60);
        expect(limitHeaders(refusal)).toEqual({
          'x-ratelimit-limit': '20',
          'x-ratelimit-remaining': '0',
          'x-ratelimit-reset': reset,
          'ratelimit-policy': '"address";q=20;w=60',
          ratelimit: `"address";r=0;t=${reset}`,
          'retry-after': String(wait),
        });
        expect(refusal.headers).toMatchObject({
          'access-control-allow-origin': 'https://app.example',
          'x-content-type-options': 'nosniff',
        });
        expect(refusal.headers['x-request-id']).toBe(refusal.body.requestId);
      }
  });

  it('on /v1 in the shape of OpenAI', async () => {
    const caller = someone();
    await system.volley(20, '/limits/browse', caller);
    expect((await get('/v1/models', caller)).body).toMatchObject({ error: { code: 'rate_limited', type: 'rate_limit_error' } });
  });

  it('by address also where there is no route, or one that Nest does not know', async () => {
    for (const path of ['/nowhere', '/limits/raw']) {
      const caller = someone();
      const answers = await system.volley(30, path, caller);
      expect(withStatus(answers, 429), path).toBe(10);
    }
  });

  it('whatever a stranger writes into X-Forwarded-For', async () => {
    const straight = await openLimits({ RATE_LIMIT_IP_PER_MINUTE: '20', TRUST_PROXY: '203.0.113.1' }, 1);
    const answers = await Promise.all(Array.from({ length: 60 }, () => ask(`${straight.urls[0]}/limits/browse`, someone())));
    await straight.close();
    expect(withStatus(answers, 200)).toBe(20);
  });

  it('by the 64 bits of an IPv6 line, whichever address of it is used', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => get('/limits/browse', { 'x-forwarded-for': `2001:db8:1:2:${n}::${n + 1}` })),
    );
    expect(withStatus(answers, 200)).toBe(20);
    expect((await get('/limits/browse', { 'x-forwarded-for': '2001:db8:1:3::1' })).status).toBe(200);
  });

  it('as a person, from whichever address, tighter where it costs more', async () => {
    expect(statuses(await times(6, () => get('/limits/costly', person('ann'))))).toEqual([200, 200, 200, 200, 429, 429]);
    expect(withStatus(await times(12, () => get('/limits/browse', person('ann'))), 200)).toBe(10);
    expect(statuses([await get('/limits/costly', person('bob')), await get('/limits/mine', person('bob'))])).toEqual([200, 200]);
    expect((await get('/limits/mine', person('ann'))).body).toMatchObject({ code: 'rate_limited' });
  });

  it('when signing in, by address', async () => {
    const caller = someone();
    let n = 0;
    expect(statuses(await times(5, () => signIn(`account ${(n += 1)}`, caller)))).toEqual([201, 201, 201, 429, 429]);
    expect((await signIn('account 9')).status).toBe(201);
    expect((await get('/limits/browse', caller)).status).toBe(200);
  });

  it('when signing in, by account, however it is written', async () => {
    const spellings = ['Eve@example.org', ' eve@example.org', 'EVE@EXAMPLE.ORG', 'eve@example.org', 'Eve@example.org '];
    const answers = await Promise.all(spellings.map((account) => signIn(account)));
    expect(withStatus(answers, 201)).toBe(3);
    const refusal = answers.find(({ status }) => status === 429)!;
    expect(refusal.headers).toMatchObject({ 'ratelimit-policy': '"account";q=3;w=60', 'x-ratelimit-remaining': '0' });
    expect((await signIn('eva@example.org')).status).toBe(201);
    expect(await system.redis.ask((redis) => redis.keys('*eve*'))).toEqual([]);
  });

  it('at a webhook only for wrong proofs', async () => {
    const caller = someone();
    expect(withStatus(await Promise.all(Array.from({ length: 100 }, () => hook('right', caller))), 201)).toBe(100);
    const wrong = await Promise.all(Array.from({ length: 80 }, () => hook('wrong', caller)));
    expect([withStatus(wrong, 401), withStatus(wrong, 429)]).toEqual([60, 20]);
    expect((await hook('right', caller)).status).toBe(201);
    expect((await hook('wrong')).status).toBe(401);
  });
});

describe('who asks within the limits', () => {
  it.each(['/limits/browse', '/limits/raw', '/nowhere'])('is told at %s what is left', async (path) => {
    const caller = someone();
    for (const left of [19, 18, 17])
      expect(limitHeaders(await get(path, caller))).toEqual({
        'x-ratelimit-limit': '20',
        'x-ratelimit-remaining': String(left),
        'x-ratelimit-reset': '60',
        'ratelimit-policy': '"address";q=20;w=60',
        ratelimit: `"address";r=${left};t=60`,
      });
  });

  it('is told of the tightest limit', async () => {
    expect(limitHeaders(await get('/limits/costly', person('tess')))).toMatchObject({
      'x-ratelimit-limit': '4',
      'x-ratelimit-remaining': '3',
      ratelimit: '"costly";r=3;t=60',
    });
    const address = { ...someone(), authorization: 'Bearer tim' };
    await times(15, () => get('/nowhere', address));
    expect(limitHeaders(await get('/limits/browse', address))).toMatchObject({ ratelimit: '"address";r=4;t=60' });
    expect(limitHeaders(await signIn('someone new'))).toMatchObject({ ratelimit: '"auth";r=2;t=60' });
  });

  it('does not share with anyone else', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => get('/limits/browse')));
    expect(new Set(answers.map(({ headers }) => headers['x-ratelimit-remaining']))).toEqual(new Set(['19']));
  });
});

describe('nothing is limited', () => {
  it('of what machines ask for ever', async () => {
    const caller = someone();
    for (const path of ['/health', '/health/live', '/health/ready', '/limits/figures']) {
      const answers = await system.volley(60, path, caller);
      expect(withStatus(answers, 200), path).toBe(60);
      for (const answer of answers) expect(limitHeaders(answer)).toEqual({});
    }
  });

  it('where a limit is 0', async () => {
    const off = {
      RATE_LIMIT_IP_PER_MINUTE: '0',
      RATE_LIMIT_USER_PER_MINUTE: '0',
      RATE_LIMIT_PER_MINUTE: '0',
      RATE_LIMIT_AUTH_PER_MINUTE: '0',
    };
    const free = await openLimits(off, 1);
    for (const [path, body] of [['/limits/browse'], ['/limits/costly'], ['/nowhere'], ['/limits/sign-in', { account: 'a' }]] as const) {
      const answers = await free.volley(70, path, person('ann'), body);
      expect(withStatus(answers, 429), path).toBe(0);
      for (const answer of answers) expect(limitHeaders(answer)).toEqual({});
    }
    await free.close();
  });
});

describe('a hundred thousand addresses', () => {
  it.each([false, true])('take no more memory than ten thousand; Redis away: %s', async (away) => {
    if (away) await system.redis.kill();
    const { body } = await ask(`${system.urls[0]}/limits/flood?addresses=100000`, {}, {});
    expect(body.known).toBeLessThanOrEqual(11_000);
    expect(body.grown).toBeLessThan(12_000_000);
    if (away) await system.redis.start();
  });
});
