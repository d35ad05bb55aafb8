import { beforeAll, describe, expect, it, vi } from 'vitest';
import { Answers } from '../../src/ai/cache/answers.service.js';
import { beforeAProvider } from '../support/ai.people.js';
import { eventually } from '../support/lab.js';
import { openPeople, type Session } from '../support/people.js';

const here = beforeAProvider(20);
let ana: Session;
let bia: Session;
let admin: Session;
beforeAll(async () => {
  const { people } = here;
  [ana, bia, admin] = await Promise.all([people.person(), people.person(), people.person({ role: 'admin' })]);
});

let asked = 0;
/** The same words each time. */
const words = () => JSON.stringify({ messages: [{ role: 'user', content: `Pergunta ${(asked += 1)}` }], temperature: 0 });
const ask = async (body: string, token = ana.accessToken, headers: Record<string, string> = {}, at = here.people) => {
  const answer = await fetch(`${at.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...headers },
    body,
  });
  return { status: answer.status, headers: answer.headers, cache: answer.headers.get('x-cache'), text: await answer.text() };
};
/** Asked until it is answered before Nest is troubled. */
async function known(body: string, of = ana) {
  const answering = vi.spyOn(here.people.app.get(Answers, { strict: false }), 'answer');
  const answer = await eventually(
    async () => {
      answering.mockClear();
      const told = await ask(body, of.accessToken);
      return { ...told, early: answering.mock.calls.length === 0 };
    },
    ({ early }) => early,
  );
  answering.mockRestore();
  return answer;
}

describe('The very same words again', () => {
  it('are answered as before, with the budget of who asks', async () => {
    const body = words();
    const first = await ask(body);
    const hit = await ask(body);
    expect([first.cache, hit.cache]).toEqual(['MISS', 'HIT']);
    const early = await known(body);
    expect([early.status, early.cache, early.text]).toEqual([200, 'HIT', hit.text]);
    const names = [...hit.headers.keys()].filter((name) => !/^(ratelimit|x-ratelimit|server-timing)/.test(name));
    expect([...early.headers.keys()]).toEqual(expect.arrayContaining(names));
    expect(early.headers.get('content-type')).toBe(hit.headers.get('content-type'));
    const { used } = (await here.people.send('GET', '/ai/usage', undefined, ana.accessToken)).json as { used: number };
    expect(early.headers.get('x-token-budget-used')).toBe(String(used));
    expect((await known(body, bia)).headers.get('x-token-budget-used')).toBe('0');
  });

  it('are no way in: without a proof, or with a key that is not for it', async () => {
    const body = words();
    await ask(body);
    await known(body);
    expect((await ask(body, '')).status).toBe(401);
    expect((await ask(body, `${ana.accessToken}x`)).status).toBe(401);
    const { json } = await here.people.send('POST', '/auth/api-keys', { name: 'só leitura', scopes: ['read'] }, ana.accessToken);
    expect((await ask(body, String(json.key))).status).toBe(403);
    await here.people.send('PATCH', `/users/${bia.user.id}`, { disabled: true }, admin.accessToken);
    const out = await eventually(
      () => ask(body, bia.accessToken),
      ({ status }) => status !== 200,
    );
    expect([401, 403]).toContain(out.status);
  });

  it('are worked out where a fresh answer is wanted, or what was kept is gone', async () => {
    const body = words();
    await ask(body);
    await known(body);
    const before = here.provider.ledger.length;
    expect((await ask(body, ana.accessToken, { 'cache-control': 'no-store' })).cache).toBeNull();
    expect(here.provider.ledger).toHaveLength(before + 1);
    expect((await here.people.send('POST', '/ai/cache/purge', undefined, admin.accessToken)).status).toBe(200);
    expect((await ask(body)).cache).toBe('MISS');
  });

  it('are counted: what they saved, and against the limit of costly work', async () => {
    const few = await openPeople({ RATE_LIMIT_PER_MINUTE: '4' });
    try {
      const { accessToken } = await few.person();
      const body = JSON.stringify({ messages: [{ role: 'user', content: 'Como doar?' }], temperature: 0 });
      const statuses: number[] = [];
      for (let n = 0; n < 6; n += 1) statuses.push((await ask(body, accessToken, {}, few)).status);
      expect(statuses).toEqual([200, 200, 200, 200, 429, 429]);
    } finally {
      await few.close();
    }
    const eva = await here.people.person();
    const body = words();
    await ask(body, eva.accessToken);
    await known(body, eva);
    const hits = async () => {
      const { json } = await here.people.send('GET', '/ai/usage', undefined, eva.accessToken);
      return (json.byDay as { hits?: number }[] | undefined)?.[0]?.hits ?? 0;
    };
    expect(await eventually(hits, (many) => many >= 2)).toBeGreaterThanOrEqual(2);
  });
});
