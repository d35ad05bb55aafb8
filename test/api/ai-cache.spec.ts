import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { Flights } from '../../src/ai/cache/flights.js';
import { keyOf } from '../../src/ai/cache/question.key.js';
import type { CacheRedis } from '../../src/redis/cache.redis.js';
import { eventually } from '../support/lab.js';
import { beforeAProvider, MODEL } from '../support/ai.people.js';
import type { OpenAIStandIn } from '../support/openai.js';
import { codesOf, type People, type Session } from '../support/people.js';

let provider: OpenAIStandIn;
let people: People;
let ana: Session;
let bia: Session;
let admin: Session;
const here = beforeAProvider(20);
beforeAll(async () => {
  ({ provider, people } = here);
  [ana, bia, admin] = await Promise.all([people.person(), people.person(), people.person({ role: 'admin' })]);
});

let asked = 0;
/** Never asked before. */
const anew = () => `Pergunta número ${(asked += 1)}, sobre telhados`;
const question = (content: unknown, over: object = {}) => ({ messages: [{ role: 'user', content }], temperature: 0, ...over });
const complete = (body: unknown, of = ana, headers: Record<string, string> = {}, signal?: AbortSignal) =>
  fetch(`${people.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${of.accessToken}`, ...headers },
    body: JSON.stringify(body),
    signal,
  });
const calls = () => provider.ledger.filter(({ path }) => path === 'chat').length;
const told = async (answer: Response) => ({
  status: answer.status,
  cache: answer.headers.get('x-cache'),
  body: (await answer.json()) as { id: string; usage: Record<string, number>; choices: { message: { content: string } }[] },
});
const usage = async (of = ana) =>
  (await people.send('GET', '/ai/usage', undefined, of.accessToken)).json as {
    used: number;
    reserved: number;
    byDay: Record<string, number>[];
  };

describe('What is kept', () => {
  it('may be purged by admins alone', async () => {
    expect(codesOf(await people.send('POST', '/ai/cache/purge'))).toEqual([401, 'unauthenticated']);
    expect(codesOf(await people.send('POST', '/ai/cache/purge', undefined, ana.accessToken))).toEqual([403, 'forbidden']);
  });

  it('answers whoever asks the same, at no cost, as it was', async () => {
    const text = anew();
    const first = await told(await complete(question(text)));
    expect(first).toMatchObject({ status: 200, cache: 'MISS' });
    expect(first.body.usage.total_tokens).toBeGreaterThan(0);
    const before = calls();
    const { used } = await usage(bia);
    const answer = await complete(question(text), bia);
    expect(Object.keys(Object.fromEntries(answer.headers))).toEqual(
      expect.arrayContaining(['x-token-budget-limit', 'x-token-budget-used', 'x-token-budget-remaining', 'x-token-budget-reset']),
    );
    const second = await told(answer);
    expect(second).toMatchObject({
      status: 200,
      cache: 'HIT',
      body: { usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } },
    });
    expect({ ...second.body, usage: 0 }).toEqual({ ...first.body, usage: 0 });
    expect(calls()).toBe(before);
    const after = await eventually(
      () => usage(bia),
      ({ byDay }) => byDay.some(({ hits }) => hits === 1),
    );
    expect(after.used).toBe(used);
    expect(after.byDay[0]).toMatchObject({ model: MODEL, hits: 1, savedTokens: first.body.usage.total_tokens });
  });

  it('is the same however it is typed, and another with any other parameter', async () => {
    const text = anew();
    await complete(question(`  Caf\u00e9 e\n\n PÃO, ${text} `));
    expect((await told(await complete(question(`cafe\u0301 e pão, ${text.toUpperCase()}`)))).cache).toBe('HIT');
    const others = [
      question(`café e pão, ${text}`, { temperature: 0, top_p: 0.5 }),
      question(`café e pão, ${text}`, { max_tokens: 9 }),
      question(`cafe e pão, ${text}`),
      {
        ...question(''),
        messages: [
          { role: 'system', content: 'Seja breve' },
          { role: 'user', content: `café e pão, ${text}` },
        ],
      },
    ];
    for (const body of others) expect((await told(await complete(body))).cache).toBe('MISS');
  });

  it('is only what was asked without chance, and of whom does not want it fresh', async () => {
    const text = anew();
    for (const over of [{ temperature: undefined }, { temperature: 0.2 }])
      expect((await told(await complete(question(text, over)))).cache).toBeNull();
    await complete(question(text));
    expect((await told(await complete(question(text), ana, { 'cache-control': 'no-store' }))).cache).toBeNull();
    expect((await told(await complete(question(text)))).cache).toBe('HIT');
  });

  it('comes as a stream to whom it came as a stream, piece by piece', async () => {
    const client = new OpenAI({ baseURL: `${people.url}/v1`, apiKey: ana.accessToken, maxRetries: 0 });
    const text = anew();
    const stream = async () => {
      const pieces: OpenAI.ChatCompletionChunk[] = [];
      const given = { model: MODEL, temperature: 0, messages: [{ role: 'user' as const, content: text }] };
      const asks = { ...given, stream: true as const, stream_options: { include_usage: true } };
      for await (const piece of await client.chat.completions.create(asks)) pieces.push(piece);
      return pieces;
    };
    const before = calls();
    const [first, second] = [await stream(), await stream()];
    expect(calls()).toBe(before + 1);
    expect(second.slice(0, -1)).toEqual(first.slice(0, -1));
    expect(first.at(-1)?.usage?.total_tokens).toBeGreaterThan(0);
    expect(second.at(-1)?.usage?.total_tokens).toBe(0);
  });

  it('is answered even where nothing is left of the budget', async () => {
    const text = anew();
    await complete(question(text));
    await people.send('PUT', `/ai/budgets/${bia.user.id}`, { dailyTokens: 0 }, admin.accessToken);
    expect((await complete(question(anew()), bia)).status).toBe(429);
    expect((await told(await complete(question(text), bia))).cache).toBe('HIT');
    await people.send('PUT', `/ai/budgets/${bia.user.id}`, { dailyTokens: null }, admin.accessToken);
  });

  it('is gone once it was purged', async () => {
    const text = anew();
    await complete(question(text));
    const { status, json } = await people.send('POST', '/ai/cache/purge', undefined, admin.accessToken);
    expect([status, typeof json.purgedAt]).toEqual([200, 'string']);
    expect((await told(await complete(question(text)))).cache).toBe('MISS');
  });

  it('is nothing that failed, that ended too early, or that had less room than was asked for', async () => {
    const failing = anew();
    provider.behave({ status: 400 }, { times: 1 });
    expect((await complete(question(failing))).status).toBe(422);
    expect((await told(await complete(question(failing)))).cache).toBe('MISS');
    const cut = anew();
    provider.behave({ cutAfter: 3 }, { times: 1 });
    await (await complete(question(cut, { stream: true }))).text();
    const before = calls();
    await (await complete(question(cut, { stream: true }))).text();
    expect(calls()).toBe(before + 1);
    const poor = await people.person();
    await people.send('PUT', `/ai/budgets/${poor.user.id}`, { dailyTokens: 400 }, admin.accessToken);
    const long = anew();
    expect((await told(await complete(question(long), poor))).cache).toBe('MISS');
    expect((await told(await complete(question(long)))).cache).toBe('MISS');
  });
});

describe('Equal questions at once', () => {
  it('are one call', async () => {
    const text = anew();
    const before = calls();
    provider.behave({ firstByteMs: 300 });
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, at) => told(await complete(question(text), at % 2 ? ana : bia))),
    );
    expect(calls()).toBe(before + 1);
    expect(answers.map(({ cache }) => cache).sort()).toEqual([...Array<string>(39).fill('HIT'), 'MISS']);
  });

  it('fail together where the provider fails', async () => {
    const text = anew();
    const before = calls();
    provider.behave({ status: 400 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => complete(question(text))));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(10).fill(422));
    expect(calls()).toBeLessThan(before + 10);
  });

  it('are asked by the next one where the first leaves, or may not', async () => {
    const text = anew();
    const first = new AbortController();
    const before = calls();
    provider.behave('gated', { times: 1 });
    const left = complete(question(text), ana, {}, first.signal).catch(() => 'left');
    await provider.until(() => calls() === before + 1);
    const second = complete(question(text), bia);
    first.abort();
    expect(await left).toBe('left');
    expect((await told(await second)).status).toBe(200);
    expect(calls()).toBe(before + 2);
  });

  it('do not wait for one another where no answer can be kept', async () => {
    const text = anew();
    provider.behave({ says: { choices: [{ index: 0, message: { role: 'assistant', content: 'sem fim' } }] } });
    const before = calls();
    const answers = await Promise.all(Array.from({ length: 8 }, () => complete(question(text))));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(8).fill(200));
    expect(calls()).toBe(before + 8);
  });

  it('wait for nobody who takes nothing of what he is given', async () => {
    const flights = new Flights({ away: true } as CacheRedis);
    const join = () => flights.join('one', new AbortController().signal, () => Promise.resolve(undefined));
    const first = await join();
    if (!('flight' in first) || !first.flight) throw new Error('nobody else asks');
    first.flight.rests(true);
    const second = await join();
    expect('flight' in second && second.flight).not.toBe(first.flight);
    expect(first.flight.isStalled).toBe(true);
    first.flight.end();
  });
});

it('The key of a question does not depend on the order of its fields, but on every value', () => {
  const one = { model: 'm', temperature: 0, tools: [{ a: 1, b: { c: 2, d: 3 } }], messages: [{ role: 'user', content: 'a' }] };
  const same = { messages: [{ content: 'A ', role: 'user' }], tools: [{ b: { d: 3, c: 2 }, a: 1 }], temperature: 0, model: 'm' };
  expect(keyOf(same, false)).toBe(keyOf(one, false));
  expect(keyOf(one, true)).not.toBe(keyOf(one, false));
  expect(keyOf({ ...one, tools: [{ a: 1, b: { c: 2, d: 4 } }] }, false)).not.toBe(keyOf(one, false));
  expect(keyOf({ ...one, messages: [{ role: 'system', content: 'a' }] }, false)).not.toBe(keyOf(one, false));
});
