import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bounds } from '../../src/ai/providers/openai.client.js';
import { eventually } from '../support/lab.js';
import type { Manner } from '../support/openai.js';
import { CHAT, FIGURES, openPassing, refusedWith, type Passing } from '../support/passing.js';
import { openPeople, type Session } from '../support/people.js';

let passing: Passing;
let ana: Session;
beforeAll(async () => {
  passing = await openPassing();
  ana = await passing.person();
});
afterEach(() => passing.rest());
afterAll(() => passing.close());

const question = { model: FIGURES, input: 'Telhado novo' };
const embed = (body: unknown, token = ana.accessToken, signal?: AbortSignal) =>
  fetch(`${passing.people.url}/v1/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
    signal,
  });

/** So much at once in one process may well keep it behind, which is not what is looked at. */
const insist = (body: unknown, of: Session) =>
  eventually(
    () => embed(body, of.accessToken),
    ({ status }) => status !== 503,
  );

describe('Refused, in the words of OpenAI', () => {
  it('is who has not signed in, or whose key is for something else', async () => {
    expect(await refusedWith(await embed(question, ''))).toEqual([401, 'unauthenticated']);
    expect(await refusedWith(await embed(question, await passing.keyOf(ana, ['read', 'write'])))).toEqual([403, 'forbidden']);
    expect((await embed(question, await passing.keyOf(ana, ['ai']))).status).toBe(200);
  });

  it.each([
    {},
    { input: '' },
    { input: [] },
    { input: ['a', ''] },
    { input: ['a', 1] },
    { input: [[]] },
    { input: [1, -1] },
    { input: [1.5] },
    { input: { text: 'a' } },
    { input: Array(2_049).fill('a') },
    { input: 'a', model: 7 },
  ])('is what is no text: %j', async (body) => {
    const asked = passing.provider.ledger.length;
    const answer = await embed({ model: FIGURES, ...body });
    expect(await refusedWith(answer)).toEqual([422, 'validation_failed']);
    expect(passing.provider.ledger.length).toBe(asked);
  });

  it('is a model without a price, and what is too long to be read', async () => {
    expect(await refusedWith(await embed({ ...question, model: 'text-embedding-of-nobody' }))).toEqual([422, 'model_not_priced']);
    expect(await refusedWith(await embed({ ...question, input: 'a'.repeat(1_100_000) }))).toEqual([413, 'too_large']);
  });

  it('is what the provider refuses, in its own words, at no cost', async () => {
    const eva = await passing.person();
    passing.provider.behave({ status: 400, error: { message: 'This model reads at most 8192 tokens.' } }, { times: 1 });
    const answer = await embed(question, eva.accessToken);
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ error: { code: 'ai_request_refused', message: 'This model reads at most 8192 tokens.' } });
    expect(await passing.usage(eva)).toMatchObject({ used: 0, reserved: 0 });
  });

  it('is whoever has too little left, and the provider is not asked', async () => {
    const poor = await passing.person(10);
    const asked = passing.provider.ledger.length;
    const answer = await embed({ ...question, input: 'a'.repeat(11) }, poor.accessToken);
    expect(answer.headers.get('x-should-retry')).toBe('false');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.headers.get('x-token-budget-remaining')).toBe('10');
    expect(await refusedWith(answer)).toEqual([429, 'token_budget_exhausted']);
    expect(passing.provider.ledger.length).toBe(asked);
  });

  it.each<Manner>(['html', 'plain', 'truncated', 'redirect', { status: 401 }, { says: { data: 'none' } }])(
    'is everybody while the provider answers by %j, at no cost',
    async (how) => {
      const eva = await passing.person();
      passing.provider.behave(how, { times: 1 });
      const answer = await embed(question, eva.accessToken);
      expect(answer.headers.get('retry-after')).toBe('5');
      expect(await refusedWith(answer)).toEqual([503, 'dependency_down']);
      expect(await passing.usage(eva)).toMatchObject({ used: 0, reserved: 0 });
      await embed(question);
    },
  );

  it('is who asks for more than is passed on, which was made and is paid for, and nobody else has to wait for it', async () => {
    const eva = await passing.person();
    const says = { data: [{ embedding: 'A'.repeat(bounds.mostEmbeddingsBytes) }] };
    passing.provider.behave({ says }, { times: 6 });
    for (let n = 1; n <= 6; n += 1) {
      expect(await refusedWith(await insist(question, eva))).toEqual([422, 'ai_request_refused']);
      expect((await passing.settled(eva)).used).toBe(n * (question.input.length + 2));
    }
    expect((await insist(question, eva)).status).toBe(200);
  });

  it('is everybody where there is no provider', async () => {
    const own = await openPeople({ AI_BASE_URL: undefined }, passing.people);
    const answer = await own.ask('/v1/embeddings', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${ana.accessToken}` },
      body: JSON.stringify({ input: 'a' }),
    });
    await own.close();
    expect(answer.status).toBe(422);
    expect(answer.json.error).toMatchObject({
      code: 'ai_request_refused',
      message: expect.stringMatching(/makes no embeddings/) as string,
    });
  });
});

describe('Embeddings', () => {
  it('come to any client of OpenAI, whichever way it takes them', async () => {
    const eva = await passing.person();
    const openai = passing.client(eva);
    const input = ['Telhado novo', 'Horta'];
    // The client asks for base64 by itself, and unpacks it.
    const packed = await openai.embeddings.create({ model: FIGURES, input });
    expect(passing.provider.ledger.at(-1)?.body).toEqual({ model: FIGURES, input, encoding_format: 'base64' });
    const plain = await openai.embeddings.create({ model: FIGURES, input, encoding_format: 'float', dimensions: 3, user: 'someone' });
    expect(passing.provider.ledger.at(-1)?.body).toMatchObject({ dimensions: 3, user: 'someone' });
    expect(plain.data.map(({ embedding }) => [...embedding])).toEqual([
      [2, 0.5, -0.25],
      [1, 0.5, -0.25],
    ]);
    expect(packed.data.map(({ embedding }) => [...embedding])).toEqual(plain.data.map(({ embedding }) => embedding));
    const poor = passing.client(await passing.person(1));
    await expect(poor.embeddings.create({ model: FIGURES, input })).rejects.toMatchObject({ status: 429, code: 'token_budget_exhausted' });
    await expect(openai.embeddings.create({ model: 'nobody', input })).rejects.toBeInstanceOf(OpenAI.UnprocessableEntityError);
  });

  it('are charged with what the provider says, and told in every answer', async () => {
    const eva = await passing.person();
    const answer = await embed({ model: FIGURES, input: ['um telhado novo', 'uma horta'] }, eva.accessToken);
    const { usage } = (await answer.json()) as { usage: { prompt_tokens: number } };
    expect(usage.prompt_tokens).toBe(5);
    expect(answer.headers.get('x-token-budget-used')).toBe('5');
    expect(await passing.usage(eva)).toMatchObject({ used: 5, reserved: 0, costUsd: (5 * 2) / 1e6 });
  });

  it.each<[Manner, number]>([
    ['no usage', 'Telhado novo'.length + 2],
    [{ usage: { prompt_tokens: -3 } }, 'Telhado novo'.length + 2],
    [{ usage: { prompt_tokens: 1e9 } }, 'Telhado novo'.length + 2],
    [{ usage: { prompt_tokens: 0 } }, 0],
  ])('are never charged more than was kept back, though the provider says %j', async (how, used) => {
    const eva = await passing.person();
    passing.provider.behave(how, { times: 1 });
    expect((await embed(question, eva.accessToken)).status).toBe(200);
    expect(await passing.usage(eva)).toMatchObject({ used, reserved: 0 });
  });

  it.each([
    ['é', 4],
    [['é', 'ab'], 8],
    [[5, 6, 7], 3],
    [[[5, 6, 7], [8]], 4],
  ])('of %j may cost %i at most', async (input, most) => {
    const eva = await passing.person(most);
    passing.provider.behave('no usage', { times: 1 });
    expect((await embed({ model: FIGURES, input }, eva.accessToken)).status).toBe(200);
    expect(await passing.usage(eva)).toMatchObject({ used: most });
    expect(await refusedWith(await embed({ model: FIGURES, input: [1] }, eva.accessToken))).toEqual([429, 'token_budget_exhausted']);
  });

  it.each([
    [{ instruction: 'a'.repeat(96_000) }, 96_000 + '{"instruction":""}'.length],
    [{ task: { é: ['ab'] } }, '{"task":{"é":["ab"]}}'.length + 1],
    [{ user: 'someone', encoding_format: 'float', dimensions: 3, truncate: true, model: FIGURES }, 0],
  ])('keep back for what nobody knows here by its bytes, too', async (more, beside) => {
    const most = question.input.length + 2 + beside;
    const eva = await passing.person(most - 1);
    expect(await refusedWith(await embed({ ...question, ...more }, eva.accessToken))).toEqual([429, 'token_budget_exhausted']);
    const ivo = await passing.person(most);
    passing.provider.behave('no usage', { times: 1 });
    expect((await embed({ ...question, ...more }, ivo.accessToken)).status).toBe(200);
    expect(await passing.usage(ivo)).toMatchObject({ used: most });
  });

  it('are asked of the model of the configuration where none is named', async () => {
    expect((await embed({ input: 'a' })).status).toBe(200);
    expect(passing.provider.ledger.at(-1)?.model).toBe(CHAT);
  });

  it('that nobody waits for any more end at the provider within a second, and cost what was kept back', async () => {
    const eva = await passing.person();
    passing.provider.behave('silent', { times: 1 });
    const leaving = new AbortController();
    const seen = passing.provider.ledger.length;
    const work = embed(question, eva.accessToken, leaving.signal).catch(() => undefined);
    await passing.provider.until(() => passing.provider.ledger.length > seen);
    const entry = passing.provider.ledger.at(-1)!;
    const left = performance.now();
    leaving.abort();
    await work;
    await passing.provider.until(() => entry.goneAt !== undefined);
    expect(entry.goneAt! - left).toBeLessThan(1_000);
    expect(await passing.settled(eva)).toMatchObject({ used: question.input.length + 2 });
  });

  it('fifty at once never pass a small budget', async () => {
    const limit = 200;
    const eva = await passing.person(limit);
    const seen = passing.provider.ledger.length;
    passing.provider.behave({ firstByteMs: 20 });
    // Tokens already, so that all that is kept back is used.
    const input = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    const answers = await Promise.all(Array.from({ length: 50 }, () => embed({ model: FIGURES, input }, eva.accessToken)));
    const passed = answers.filter(({ status }) => status === 200).length;
    const ledger = passing.provider.ledger.slice(seen);
    const total = ledger.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
    expect([passed, ledger.length, total]).toEqual([20, 20, limit]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
    expect(await passing.usage(eva)).toMatchObject({ used: limit, reserved: 0 });
  });
});
