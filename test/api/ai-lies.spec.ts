import { beforeAll, describe, expect, it } from 'vitest';
import { wordsOfPieces } from '../../src/ai/providers/words.of.pieces.js';
import { beforeAProvider } from '../support/ai.people.js';
import { eventually } from '../support/lab.js';
import type { Session } from '../support/people.js';

const MODEL = 'gpt-4o';
const END = 'What does <|endoftext|> or <|im_start|> mean?';
const here = beforeAProvider(20, {
  AI_MODEL: MODEL,
  AI_PRICES: JSON.stringify({ [MODEL]: { input: 1, output: 10 } }),
});
let admin: Session;
beforeAll(async () => {
  admin = await here.people.person({ role: 'admin' });
});

const ask = async (of: Session, path: string, body: object) => {
  const answer = await here.people.ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${of.accessToken}` },
    body: JSON.stringify(body),
  });
  return { status: answer.status, text: answer.text, json: answer.json };
};
const complete = (of: Session, over: object, content = 'Olá') =>
  ask(of, '/v1/chat/completions', { messages: [{ role: 'user', content }], ...over });
interface Usage {
  used: number;
  reserved: number;
  costUsd: number;
}
const settled = (of: Session) =>
  eventually(
    async () => (await here.people.send('GET', '/ai/usage', undefined, of.accessToken)).json as unknown as Usage,
    ({ reserved }) => reserved === 0,
  );
const piece = (delta: object, over: object = {}, choice: object = {}) => ({
  ...{ id: 'c', object: 'chat.completion.chunk', created: 1, model: MODEL },
  choices: [{ index: 0, delta, finish_reason: null, ...choice }],
  ...over,
});

describe('Marks of a tokenizer', () => {
  it('are words like any other where somebody asks about them', async () => {
    const ana = await here.people.person();
    expect((await complete(ana, {}, END)).status).toBe(200);
    expect((await ask(ana, '/api/v1/ai/chat', { message: END })).status).toBe(200);
    expect((await ask(ana, '/api/v1/ai/preview', { message: END })).status).toBe(200);
  });

  it('are so in an answer, which is paid for', async () => {
    const ana = await here.people.person();
    here.provider.behave({ says: [piece({ content: END }), piece({}, {}, { finish_reason: 'stop' })] }, { times: 1 });
    expect((await complete(ana, { stream: true })).text).toContain('[DONE]');
    const { used } = await settled(ana);
    here.provider.behave({ says: { id: 'c', choices: [{ index: 0, message: { content: END }, finish_reason: 'stop' }] } }, { times: 1 });
    expect((await complete(ana, {})).status).toBe(200);
    expect((await settled(ana)).used).toBeGreaterThan(used);
  });
});

describe('A provider that says it used more than was kept back', () => {
  it('is paid all that was kept back, in tokens and in money, and is told of', async () => {
    const ana = await here.people.person();
    const { json } = await ask(ana, '/api/v1/ai/preview', { messages: [{ role: 'user', content: 'Olá' }], max_tokens: 200 });
    const { totalTokens, costUsd } = json as unknown as { totalTokens: number; costUsd: number };
    const before = here.people.lines.length;
    here.provider.behave({ usage: { prompt_tokens: 5_000, completion_tokens: 200, total_tokens: 5_200 } }, { times: 1 });
    await complete(ana, { max_tokens: 200 });
    const usage = await settled(ana);
    expect([usage.used, usage.costUsd]).toEqual([totalTokens, costUsd]);
    const told = here.people.lines.slice(before).filter(({ msg }) => msg === 'the AI provider used more than it was allowed');
    expect(told).toHaveLength(1);
  });

  it('is told of where only the answer was longer', async () => {
    const ana = await here.people.person();
    const before = here.people.lines.length;
    here.provider.behave({ usage: { prompt_tokens: 1, completion_tokens: 65, total_tokens: 66 } }, { times: 1 });
    await complete(ana, { max_tokens: 64 }, 'a'.repeat(400));
    expect((await settled(ana)).used).toBe(66);
    expect(here.people.lines.slice(before).map(({ msg }) => msg)).toContain('the AI provider used more than it was allowed');
  });
});

describe('A stream whose words stand where nobody looks', () => {
  const words = 'palavras e mais palavras, todas escondidas '.repeat(25);
  it.each<[string, (n: number) => object]>([
    ['a role', (n) => piece({ role: `${words}${n}` })],
    ['an id', (n) => piece({ tool_calls: [{ id: `${words}${n}` }] })],
    ['a name', (n) => piece({ [`${words}${n}`]: 1 })],
    ['a field beside its choices', (n) => piece({}, { note: `${words}${n}` })],
    ['probabilities that nobody asked for', (n) => piece({}, {}, { logprobs: { content: [{ token: `${words}${n}` }] } })],
    ['numbers', () => piece({ numbers: [...Buffer.from(words)] })],
  ])('is cut, and paid for: %s', async (_where, make) => {
    const ana = await here.people.person();
    here.provider.behave({ says: Array.from({ length: 200 }, (_, n) => make(n)) }, { times: 1 });
    const { text } = await complete(ana, { stream: true, max_tokens: 64 });
    expect(text.length).toBeLessThan(30_000);
    expect((await settled(ana)).used).toBeGreaterThanOrEqual(64);
  });

  it('is told from an honest one, which has only its words', () => {
    const wordsOf = wordsOfPieces(true);
    const honest = (n: number, content: string, last: string | null = null) =>
      piece(
        { content, ...(n === 0 ? { role: 'assistant', refusal: null } : {}) },
        { system_fingerprint: 'fp_0123456789', service_tier: 'default', obfuscation: `x${n}`.repeat(6), usage: null, x_groq: { id: 'r' } },
        { logprobs: { content: [{ token: content, logprob: -0.1234567890123, top_logprobs: [] }] }, finish_reason: last },
      );
    const said = Array.from({ length: 500 }, (_, n) => wordsOf(honest(n, 'oi '))).join('');
    const end = wordsOf(honest(500, '', 'stop'));
    const usage = wordsOf({ ...piece({}), choices: [], usage: { prompt_tokens: 12, completion_tokens: 500, total_tokens: 512 } });
    expect([said, end, usage]).toEqual(['oi '.repeat(500), '', '']);
  });
});

describe('What a call may cost', () => {
  it.each([
    ['search_parameters', { search_parameters: { mode: 'on' } }],
    ['tools.0.type', { tools: [{ type: 'web_search' }] }],
    ['modalities.1', { modalities: ['text', 'audio'] }],
    ['audio', { audio: { voice: 'alloy' } }],
  ])('is not raised by %s', async (path, over) => {
    const { status, json } = await complete(admin, over);
    expect([status, (json.error as { param: string }).param]).toEqual([422, path]);
  });
});
