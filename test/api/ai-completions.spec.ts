import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/lab.js';
import { beforeAProvider, MODEL } from '../support/ai.people.js';
import { KEY, type OpenAIStandIn } from '../support/openai.js';
import { codesOf, openPeople, type People, type Session } from '../support/people.js';

const PATH = '/v1/chat/completions';

let provider: OpenAIStandIn;
let people: People;
let ana: Session;
let admin: Session;
const here = beforeAProvider(40);
beforeAll(async () => {
  ({ provider, people } = here);
  [ana, admin] = await Promise.all([people.person(), people.person({ role: 'admin' })]);
});

const hello = { messages: [{ role: 'user', content: 'Olá, tudo bem?' }] };
const complete = (body: unknown, token: string | undefined = ana.accessToken, signal?: AbortSignal) =>
  fetch(`${people.url}${PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
    signal,
  });
const refusedWith = async (answer: Response) => [answer.status, ((await answer.json()) as { error: { code: string } }).error.code];
const usage = async (of = ana) => (await people.send('GET', '/ai/usage', undefined, of.accessToken)).json as Record<string, number>;
const budgetOf = (of: Session, dailyTokens: number | null) =>
  people.send('PUT', `/ai/budgets/${of.user.id}`, { dailyTokens }, admin.accessToken);
const settled = (of = ana) =>
  eventually(
    () => usage(of),
    ({ reserved }) => reserved === 0,
  );
const client = (key = ana.accessToken) => new OpenAI({ baseURL: `${people.url}/v1`, apiKey: key, maxRetries: 0 });

describe('Refused, in the words of OpenAI', () => {
  it('is who has not signed in, or whose key is for something else', async () => {
    expect(await refusedWith(await complete(hello, ''))).toEqual([401, 'unauthenticated']);
    const key = async (scopes: string[]) =>
      String((await people.send('POST', '/auth/api-keys', { name: 'k', scopes }, ana.accessToken)).json.key);
    expect(await refusedWith(await complete(hello, await key(['read', 'write'])))).toEqual([403, 'forbidden']);
    expect((await complete(hello, await key(['ai']))).status).toBe(200);
  });

  it('is a model that is not there', async () => {
    for (const id of ['gpt-nobody', 'toString', 'some/model'])
      await expect(client().models.retrieve(id)).rejects.toMatchObject({
        status: 404,
        code: 'model_not_found',
        type: 'invalid_request_error',
      });
    await expect(client('mt_nobody').models.retrieve(MODEL)).rejects.toMatchObject({ status: 401 });
  });

  it('is what is no question', async () => {
    for (const body of [
      {},
      { messages: [] },
      { messages: 'x' },
      { ...hello, max_tokens: -1 },
      { ...hello, max_tokens: 1.5 },
      { ...hello, n: 2 },
    ])
      expect(await refusedWith(await complete(body))).toEqual([422, 'validation_failed']);
    expect(await refusedWith(await complete({ ...hello, model: 'gpt-nobody' }))).toEqual([422, 'model_not_priced']);
    provider.behave({ status: 400 }, { times: 1 });
    expect(await refusedWith(await complete(hello))).toEqual([422, 'ai_request_refused']);
  });

  it('names every field that is not valid, in the message that clients show', async () => {
    const errorOf = async (body: object) =>
      ((await (await complete(body)).json()) as { error: { message: string; type: string; param: string } }).error;
    expect(await errorOf({ messages: [], n: 2 })).toEqual({
      message: 'messages: must have at least 1 items; n: must be 1',
      type: 'invalid_request_error',
      param: 'messages',
      code: 'validation_failed',
    });
    const { message, param } = await errorOf({ messages: Array(60).fill({ role: 1 }) });
    expect(message).toMatch(/^messages\.0\.role: must be a text; messages\.1\.role: .*…$/);
    expect([message.length, param]).toEqual([500, 'messages.0.role']);
  });

  it('is what concerns other people’s budgets to all but admins', async () => {
    expect(codesOf(await people.send('GET', '/ai/usage'))).toEqual([401, 'unauthenticated']);
    expect(codesOf(await people.send('PUT', `/ai/budgets/${ana.user.id}`, { dailyTokens: 1 }, ana.accessToken))).toEqual([
      403,
      'forbidden',
    ]);
    expect(codesOf(await people.send('GET', '/ai/usage/users', undefined, ana.accessToken))).toEqual([403, 'forbidden']);
    expect(codesOf(await people.send('GET', `/ai/budgets/${ana.user.id}`, undefined, ana.accessToken))).toEqual([403, 'forbidden']);
    const nobody = '0199a1b2-0000-7000-8000-000000000000';
    expect(codesOf(await people.send('GET', `/ai/budgets/${nobody}`, undefined, admin.accessToken))).toEqual([404, 'not_found']);
    expect(codesOf(await people.send('PUT', '/ai/budgets/x', { dailyTokens: 1 }, admin.accessToken))).toEqual([404, 'not_found']);
    const grant = { tokens: 1, reason: 'r', expiresAt: '2020-01-01T00:00:00Z' };
    expect(codesOf(await people.send('POST', `/ai/budgets/${ana.user.id}/grants`, grant, admin.accessToken))).toEqual([
      422,
      'validation_failed',
    ]);
  });

  it('is whoever has nothing left, who hears until when', async () => {
    const poor = await people.person();
    await budgetOf(poor, 10);
    const answer = await complete(hello, poor.accessToken);
    expect(answer.headers.get('x-should-retry')).toBe('false');
    expect(answer.headers.get('x-token-budget-remaining')).toBe('10');
    const { resetsAt } = (await usage(poor)) as unknown as { resetsAt: string };
    expect(Math.abs(Number(answer.headers.get('retry-after')) - (Date.parse(resetsAt) - Date.now()) / 1_000)).toBeLessThan(5);
    expect(await refusedWith(answer)).toEqual([429, 'token_budget_exhausted']);
  });

  it('is everybody while no provider answers, and nothing is charged for it', async () => {
    const eva = await people.person();
    provider.behave({ status: 401 }, { times: 1 });
    const answer = await complete(hello, eva.accessToken);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(await refusedWith(answer)).toEqual([503, 'dependency_down']);
    expect(await usage(eva)).toMatchObject({ used: 0, reserved: 0 });
  });
});

describe('A question', () => {
  it('is charged with what the provider says, and told in every answer', async () => {
    const eva = await people.person();
    const answer = await complete({ ...hello, temperature: 0.5, user: 'someone' }, eva.accessToken);
    const { usage: told } = (await answer.json()) as { usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number } };
    const entry = provider.ledger.at(-1);
    expect(entry?.body).toMatchObject({ temperature: 0.5, user: 'someone', max_tokens: 1_024 });
    expect(told).toMatchObject({ prompt_tokens: entry?.promptTokens, completion_tokens: entry?.completionTokens });
    expect(answer.headers.get('x-token-budget-used')).toBe(String(told.total_tokens));
    expect(await usage(eva)).toMatchObject({
      used: told.total_tokens,
      reserved: 0,
      remaining: 50_000 - told.total_tokens,
      costUsd: (told.prompt_tokens * 10 + told.completion_tokens * 20) / 1e6,
      byDay: [{ model: MODEL, calls: 1, tokens: told.total_tokens }],
    });
  });

  it('gets no more than is left, and the provider is told so', async () => {
    const poor = await people.person();
    await budgetOf(poor, 150);
    expect((await complete({ ...hello, max_tokens: 5_000 }, poor.accessToken)).status).toBe(200);
    expect(provider.ledger.at(-1)?.maxTokens).toBeLessThan(150);
  });

  it.each([[{ prompt_tokens: 1e9, completion_tokens: 1e9 }], [{ prompt_tokens: -5, completion_tokens: 2 }], [{ prompt_tokens: 'x' }]])(
    'is never charged more than was kept back, though the provider says %j',
    async (lie) => {
      const eva = await people.person();
      await budgetOf(eva, 2_000);
      provider.behave({ usage: lie }, { times: 1 });
      expect((await complete({ ...hello, max_tokens: 100 }, eva.accessToken)).status).toBe(200);
      const { used = 0, reserved } = await usage(eva);
      expect(used).toBeGreaterThan(0);
      expect([used <= 300, reserved]).toEqual([true, 0]);
    },
  );
});

describe('A stream', () => {
  it('comes piece by piece to any client of OpenAI, with its usage where it is asked for', async () => {
    const eva = await people.person();
    const openai = client(eva.accessToken);
    const whole = await openai.chat.completions.create({ model: MODEL, messages: [{ role: 'user', content: 'Oi' }] });
    const stream = await openai.chat.completions.create({
      model: MODEL,
      messages: [{ role: 'user', content: 'Oi' }],
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let total: number | undefined;
    for await (const piece of stream) {
      text += piece.choices[0]?.delta.content ?? '';
      total = piece.usage?.total_tokens ?? total;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(total).toBe(whole.usage?.total_tokens);
    expect(await settled(eva)).toMatchObject({ used: 2 * Number(total), reserved: 0 });
    const models = await openai.models.list();
    expect(models.data.map(({ id }) => id)).toEqual([MODEL]);
    expect(await openai.models.retrieve(MODEL)).toEqual(models.data[0]);
  });

  it('that its reader leaves ends at the provider within a second, and costs what was given', async () => {
    const eva = await people.person();
    provider.behave({ pieceMs: 20 }, { times: 1 });
    const leaving = new AbortController();
    const answer = await complete({ ...hello, stream: true }, eva.accessToken, leaving.signal);
    await answer.body?.getReader().read();
    const entry = provider.ledger.at(-1)!;
    const left = performance.now();
    leaving.abort();
    await provider.until(() => entry.goneAt !== undefined);
    expect(performance.now() - left).toBeLessThan(1_000);
    const { used = 0 } = await settled(eva);
    expect(used).toBeGreaterThanOrEqual(entry.promptTokens + 1);
  });

  it('that goes on beyond what it was allowed is cut, and the budget stays whole', async () => {
    const eva = await people.person();
    await budgetOf(eva, 1_000);
    provider.behave('flood', { times: 1 });
    const text = await (await complete({ ...hello, stream: true, max_tokens: 100 }, eva.accessToken)).text();
    expect(text.match(/"content"/g)?.length).toBeLessThanOrEqual(101);
    const { used = 0, reserved } = await settled(eva);
    expect([used <= 1_000, reserved]).toEqual([true, 0]);
  });

  it('that the provider breaks off ends with an error, and costs what was given', async () => {
    const eva = await people.person();
    provider.behave({ cutAfter: 5 }, { times: 1 });
    const text = await (await complete({ ...hello, stream: true }, eva.accessToken)).text();
    expect(text).toMatch(/"error":\{.*"code":"dependency_down"/s);
    expect(text).not.toContain('[DONE]');
    expect((await settled(eva)).used).toBeGreaterThan(0);
  });

  it('ends within seconds for whoever is locked out', async () => {
    const eva = await people.person();
    provider.behave('gated', { times: 1 });
    const before = provider.ledger.length;
    const answer = complete({ ...hello, stream: true }, eva.accessToken);
    await provider.until(() => provider.ledger.length > before);
    expect((await people.send('PATCH', `/users/${eva.user.id}`, { disabled: true }, admin.accessToken)).status).toBe(200);
    const { status, text } = await answer.then(async (told) => ({ status: told.status, text: await told.text() }));
    expect([status, text]).toEqual([401, expect.stringContaining('unauthenticated')]);
    const entry = provider.ledger.at(-1)!;
    await provider.until(() => entry.goneAt !== undefined);
    await eventually(
      () => people.rows('SELECT FROM ai_days WHERE user_id = $1 AND reserved = 0', [eva.user.id]),
      ({ length }) => length === 1,
    );
  });

  it('is one of five of a person at once', async () => {
    const eva = await people.person();
    provider.behave('gated', { times: 5 });
    const before = provider.ledger.length;
    const leaving = new AbortController();
    // Each answers with its first piece alone.
    const five = Array.from({ length: 5 }, () =>
      complete({ ...hello, stream: true, max_tokens: 64 }, eva.accessToken, leaving.signal).catch(() => undefined),
    );
    await provider.until(() => provider.ledger.length === before + 5);
    expect(await refusedWith(await complete({ ...hello, stream: true }, eva.accessToken))).toEqual([429, 'too_many_streams']);
    leaving.abort();
    await Promise.all(five);
    await settled(eva);
    expect((await complete({ ...hello, stream: true }, eva.accessToken)).status).toBe(200);
  });
});

describe('An admin', () => {
  it('sets somebody’s budget, adds to it for a while, and sees who used most', async () => {
    const eva = await people.person();
    expect((await budgetOf(eva, 500)).json).toMatchObject({ userId: eva.user.id, limit: 500, remaining: 500 });
    const grant = { tokens: 300, reason: 'Relatório', expiresAt: new Date(Date.now() + 60_000).toISOString() };
    const given = await people.send('POST', `/ai/budgets/${eva.user.id}/grants`, grant, admin.accessToken);
    expect(given.status).toBe(201);
    expect((await usage(eva)).limit).toBe(800);
    const looked = await people.send('GET', `/ai/budgets/${eva.user.id}`, undefined, admin.accessToken);
    expect(looked.json).toMatchObject({ limit: 800, grants: [{ ...grant, id: given.json.id, grantedBy: admin.user.id }] });
    const end = (of = eva, by = admin) =>
      people.send('DELETE', `/ai/budgets/${of.user.id}/grants/${String(given.json.id)}`, undefined, by.accessToken);
    expect([(await end(eva, eva)).status, (await end(ana)).status]).toEqual([403, 404]);
    expect([(await end()).status, (await end()).status]).toEqual([204, 404]);
    expect((await usage(eva)).limit).toBe(500);
    expect((await budgetOf(eva, null)).json.limit).toBe(50_000);
    await complete(hello, eva.accessToken);
    const { items } = (await people.send('GET', '/ai/usage/users?limit=100', undefined, admin.accessToken)).json as {
      items: { userId: string }[];
    };
    expect(items.map(({ userId }) => userId)).toContain(eva.user.id);
  });
});

it('a process of the role ai answers what is asked of the AI, and nothing else', async () => {
  const own = await openPeople({ APP_ROLE: 'ai', AI_BASE_URL: provider.url, AI_API_KEY: KEY, AI_MODEL: MODEL }, people);
  const status = async (path: string, token?: string) =>
    (await own.ask(path, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })).status;
  expect(await Promise.all(['/v1/models', '/api/v1/ai/usage', '/health/live'].map((path) => status(path, ana.accessToken)))).toEqual([
    200, 200, 200,
  ]);
  expect(await Promise.all(['/api/v1/campaigns', '/api/docs', '/api/v1/users/me', '/v1/nothing'].map((path) => status(path)))).toEqual(
    Array(4).fill(404),
  );
  await own.close();
});
