import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHAT, EARS, openPassing, type Passing } from '../support/passing.js';
import { codesOf, openPeople, type Session } from '../support/people.js';

const PATH = '/ai/preview';
const hello = { messages: [{ role: 'user', content: 'Olá, tudo bem?' }] };

let passing: Passing;
let ana: Session;
beforeAll(async () => {
  passing = await openPassing();
  ana = await passing.person();
});
afterAll(() => passing.close());

const preview = (body: unknown, token: string | undefined = ana.accessToken) => passing.people.send('POST', PATH, body, token);
/** What is kept back while nobody answers, and sent on as the most of the answer. */
async function keptBack(body: object, of: Session) {
  passing.provider.behave('silent', { times: 1 });
  const seen = passing.provider.ledger.length;
  const leaving = new AbortController();
  const work = fetch(`${passing.people.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${of.accessToken}` },
    body: JSON.stringify(body),
    signal: leaving.signal,
  }).catch(() => undefined);
  await passing.provider.until(() => passing.provider.ledger.length > seen);
  const { reserved } = await passing.usage(of);
  leaving.abort();
  await work;
  return { reserved, most: passing.provider.ledger.at(-1)?.maxTokens };
}

describe('Refused', () => {
  it('is who has not signed in, or whose key is for something else', async () => {
    expect(codesOf(await passing.people.send('POST', PATH, hello))).toEqual([401, 'unauthenticated']);
    expect(codesOf(await preview(hello, await passing.keyOf(ana, ['read', 'write'])))).toEqual([403, 'forbidden']);
    expect((await preview(hello, await passing.keyOf(ana, ['ai']))).status).toBe(200);
  });

  it.each([
    {},
    { messages: [] },
    { message: '' },
    { message: 7 },
    { ...hello, message: 'a' },
    { ...hello, max_tokens: 0 },
    { ...hello, n: 2 },
    { ...hello, model: '' },
  ])('is what is no question: %j', async (body) => {
    expect(codesOf(await preview(body))).toEqual([422, 'validation_failed']);
  });

  it('is a model without a price', async () => {
    expect(codesOf(await preview({ ...hello, model: 'nobody' }))).toEqual([422, 'model_not_priced']);
  });
});

describe('A preview', () => {
  it('tells the worst case and its price, asks nobody, and costs nothing', async () => {
    const seen = passing.provider.ledger.length;
    const { status, json, headers } = await preview({ ...hello, max_tokens: 500, temperature: 0 });
    const { promptTokens } = json as { promptTokens: number };
    expect(status).toBe(200);
    expect(json).toEqual({
      ...{ model: CHAT, promptTokens, completionTokens: 500, totalTokens: promptTokens + 500, fits: true },
      costUsd: (promptTokens * 10 + 500 * 20) / 1e6,
      budget: expect.objectContaining({ limit: 50_000, used: 0, reserved: 0, remaining: 50_000, warning: false }) as object,
    });
    expect(headers.get('x-token-budget-remaining')).toBe('50000');
    expect(passing.provider.ledger.length).toBe(seen);
    expect(await passing.usage(ana)).toMatchObject({ used: 0, reserved: 0 });
  });

  it.each([
    ['with what is usual', hello, undefined],
    ['with a wish', { ...hello, max_tokens: 300 }, undefined],
    ['with a newer wish', { ...hello, max_tokens: 300, max_completion_tokens: 200 }, undefined],
    ['with tools', { ...hello, tools: [{ type: 'function', function: { name: 'f', description: 'busca campanhas' } }] }, undefined],
    ['with less left than wished', { ...hello, max_tokens: 5_000 }, 700],
  ])('tells what is kept back then, %s', async (_, body, limit) => {
    const eva = await passing.person(limit);
    const { json } = await preview(body, eva.accessToken);
    expect(await keptBack(body, eva)).toEqual({ reserved: json.totalTokens, most: json.completionTokens });
  });

  it('tells what would not fit, as it is asked for', async () => {
    const { json } = await preview({ ...hello, max_tokens: 64 });
    const total = Number(json.totalTokens);
    const [enough, tooLittle] = [await passing.person(total), await passing.person(total - 1)];
    expect((await preview(hello, enough.accessToken)).json).toMatchObject({ fits: true, completionTokens: 64 });
    expect((await preview(hello, tooLittle.accessToken)).json).toMatchObject({ fits: false, completionTokens: 1_024 });
    expect((await preview({ ...hello, max_tokens: 63 }, tooLittle.accessToken)).json).toMatchObject({ fits: true, completionTokens: 63 });
  });

  it('takes a message as a chat has it in place of a conversation, and another model', async () => {
    const { json } = await preview({ message: 'Olá, tudo bem?', model: EARS, max_tokens: 100 });
    const { json: bare } = await preview({ ...hello, model: EARS, max_tokens: 100 });
    // The prompt of the house and its tools come with it.
    expect(Number(json.promptTokens)).toBeGreaterThan(Number(bare.promptTokens) + 500);
    expect(json).toMatchObject({ model: EARS, costUsd: (Number(json.promptTokens) * 10 + 100 * 30) / 1e6 });
  });

  it('is made without a provider, too', async () => {
    const own = await openPeople({ AI_BASE_URL: undefined }, passing.people);
    const { json } = await own.send('POST', PATH, hello, ana.accessToken);
    await own.close();
    expect(json).toMatchObject({ model: 'mutirao-offline', costUsd: 0, fits: true });
  });
});
