import { beforeAll, expect, it } from 'vitest';
import { promptTokensOf } from '../../src/ai/counting.js';
import { eventually } from '../support/lab.js';
import { beforeAProvider, MODEL } from '../support/ai.people.js';
import type { OpenAIStandIn } from '../support/openai.js';
import { type People, type Session } from '../support/people.js';

const WORDS = 40;

let provider: OpenAIStandIn;
let people: People;
let ana: Session;
const here = beforeAProvider(WORDS);
beforeAll(async () => {
  ({ provider, people } = here);
  ana = await people.person();
});

const messages = [{ role: 'user', content: 'Olá' }];
const complete = (body: object) =>
  people.ask('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${ana.accessToken}` },
    body: JSON.stringify({ messages, ...body }),
  });
const used = async () => {
  const look = async () => (await people.send('GET', '/ai/usage', undefined, ana.accessToken)).json as { used: number; reserved: number };
  return (await eventually(look, ({ reserved }) => reserved === 0)).used;
};

it('A provider is told one limit, whichever two are asked for', async () => {
  await complete({ max_completion_tokens: 10, max_tokens: 100_000 });
  const { body } = provider.ledger.at(-1)!;
  expect([body.max_completion_tokens, body.max_tokens]).toEqual([10, undefined]);
});

it('All that a model may read is counted, whatever it is called; a picture by what it is', () => {
  const long = 'x'.repeat(20_000);
  const of = (over: object, content: unknown = 'a') => promptTokensOf({ model: 'm', messages: [{ role: 'user', content }], ...over });
  expect(of({ tools: [{ function: { parameters: { image_url: long } } }] })).toBeGreaterThan(20_000);
  expect(of({ documents: [long] })).toBeGreaterThan(20_000);
  expect(of({ chat_template: long })).toBeGreaterThan(20_000);
  expect(of({}, [{ type: 'text', text: 'a', image_url: long }])).toBeGreaterThan(20_000);
  expect(of({}, [{ type: 'image_url', image_url: { url: 'a', note: long } }])).toBeGreaterThan(20_000);
  expect(of({}, [{ type: 'image_url', image_url: { url: `data:image/png;base64,${long}` } }])).toBeLessThan(2_100);
  expect(of({ user: long, metadata: { long }, temperature: 0.5 })).toBe(of({}));
});

it('What a provider says it has used before it goes on does not count where it breaks off', async () => {
  const before = await used();
  const piece = (content: string, over: object = {}) => ({ choices: [{ index: 0, delta: { content } }], ...over });
  const early = { usage: { prompt_tokens: 5, completion_tokens: 0, total_tokens: 5 } };
  provider.behave(
    { says: [piece('', early), ...Array.from({ length: 30 }, () => piece('palavra ')), { error: { message: 'broken' } }] },
    { times: 1 },
  );
  const { text } = await complete({ stream: true });
  expect(text).toContain('palavra');
  expect((await used()) - before).toBeGreaterThanOrEqual(30 * 'palavra '.length);
});

it('Whatever a stream adds is counted, whatever it is called', async () => {
  for (const delta of [
    { reasoning_content: 'penso ' },
    { reasoning: 'penso ' },
    { audio: { data: 'AAAA' } },
    { content: [{ text: 'penso ' }] },
  ]) {
    provider.behave({ says: Array.from({ length: 200 }, () => ({ choices: [{ index: 0, delta }] })) }, { times: 1 });
    const before = await used();
    const { text } = await complete({ stream: true, max_tokens: 20 });
    expect(text.match(/^data: /gm)!.length).toBeLessThan(30);
    expect((await used()) - before).toBeGreaterThanOrEqual(20);
  }
});

it('What is said to be used in the pieces of a stream that breaks off makes it no cheaper', async () => {
  const before = await used();
  const none = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
  const pieces = Array.from({ length: 30 }, () => ({ choices: [{ index: 0, delta: { content: 'palavra ' } }], usage: none }));
  provider.behave({ says: [...pieces, { error: { message: 'broken' } }] }, { times: 1 });
  await complete({ stream: true });
  expect((await used()) - before).toBeGreaterThanOrEqual(30 * 'palavra '.length);
});

it('An answer that nobody could read is the provider’s fault, and keeps nothing back', async () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  provider.behave({ says: `{"choices":[{"message":{"x":${deep}}}]}` }, { times: 3 });
  const before = await used();
  expect((await complete({})).status).toBe(503);
  expect(await used()).toBe(before);
});

it('What has no price here is not passed on', async () => {
  for (const over of [{ models: ['dear'] }, { service_tier: 'priority' }, { best_of: 20 }, { web_search_options: {} }])
    expect((await complete(over)).status).toBe(422);
});

it('Whoever only has to wait for calls of his own is told so', async () => {
  const eva = await people.person();
  const admin = await people.person({ role: 'admin' });
  await people.send('PUT', `/ai/budgets/${eva.user.id}`, { dailyTokens: 1_150 }, admin.accessToken);
  const ask = () =>
    people.ask('/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${eva.accessToken}` },
      body: JSON.stringify({ messages, max_tokens: 1_000 }),
    });
  provider.behave('gated', { times: 1 });
  const before = provider.ledger.length;
  const first = ask();
  await provider.until(() => provider.ledger.length > before);
  await ask();
  const third = await people.send('POST', '/ai/preview', { messages }, eva.accessToken);
  expect(third.status).toBe(200);
  const second = await ask();
  expect([second.status, second.headers.get('retry-after'), second.headers.get('x-should-retry')]).toEqual([429, '1', null]);
  provider.release(WORDS);
  await first;
});

it('A stream that goes on beyond its limit ends as one that has come to it', async () => {
  provider.behave('flood', { times: 1 });
  const { text } = await complete({ stream: true, max_tokens: 20, stream_options: { include_usage: true } });
  const pieces = [...text.matchAll(/^data: (\{.*)$/gm)].map(
    ([, json]) => JSON.parse(json!) as { choices: { finish_reason?: string }[]; usage?: unknown },
  );
  expect(pieces.at(-2)?.choices[0]?.finish_reason).toBe('length');
  expect(pieces.at(-1)?.usage).toMatchObject({ completion_tokens: 20 });
  expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
});

it('Whoever looks at the health of the system hears of a provider that is away, or does not take the key', async () => {
  const look = async () => {
    const { json } = await people.ask('/health');
    return { status: json.status, ai: (json.details as { ai: Record<string, unknown> }).ai };
  };
  expect(await look()).toEqual({
    status: 'ok',
    ai: { status: 'up', first: { model: MODEL, status: 'up' }, excesses: expect.any(Number) as number },
  });
  provider.behave({ status: 500 }, { at: 'models' });
  expect(await eventually(look, ({ ai }) => ai.status === 'down')).toMatchObject({
    status: 'degraded',
    ai: { status: 'down', message: 'the AI provider answers with 500', first: { model: MODEL, status: 'answers with 500' } },
  });
});

it('What is left of the tokens stands beside the rates', async () => {
  const { json } = await people.send('GET', '/users/me/limits', undefined, ana.accessToken);
  const tokens = (json.items as { name: string; kind: string }[]).find(({ name }) => name === 'ai-tokens');
  const { limit, used: spent, remaining } = (await people.send('GET', '/ai/usage', undefined, ana.accessToken)).json;
  expect(tokens).toMatchObject({ kind: 'budget', limit, used: spent, remaining, reserved: 0 });
});

it('A stream whose first piece is long in coming begins without it, also for who waits for somebody else’s', async () => {
  provider.behave('gated', { times: 1 });
  const before = provider.ledger.length;
  const ask = () =>
    fetch(`${people.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${ana.accessToken}` },
      body: JSON.stringify({ messages, stream: true, temperature: 0 }),
    });
  const answers = await Promise.all([ask(), ask()]);
  for (const answer of answers) {
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(Number(answer.headers.get('x-token-budget-limit'))).toBeGreaterThan(0);
  }
  expect(provider.ledger.slice(before)).toEqual([expect.objectContaining({ completionTokens: 0 })]);
  provider.release();
  for (const answer of answers) expect(await answer.text()).toContain('[DONE]');
  expect(provider.ledger).toHaveLength(before + 1);
});

it.each<[number, string, string, object?]>([
  [200, 'GET', '/v1/models'],
  [422, 'POST', '/v1/chat/completions', { messages: [] }],
  [422, 'POST', '/v1/embeddings', {}],
  [200, 'GET', '/api/v1/ai/conversations'],
  [404, 'GET', '/api/v1/ai/conversations/0199a1b2-0000-7000-8000-000000000000'],
  [403, 'GET', '/api/v1/ai/usage/users'],
  [422, 'POST', '/api/v1/ai/chat', { message: '' }],
  [200, 'GET', '/api/v1/ai/usage'],
])('Whoever is answered with %i by %s %s is told of his budget', async (status, method, path, body) => {
  const answer = await fetch(`${people.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${ana.accessToken}` },
    body: body && JSON.stringify(body),
  });
  expect([answer.status, Number(answer.headers.get('x-token-budget-limit')) > 0]).toEqual([status, status !== 403]);
});
