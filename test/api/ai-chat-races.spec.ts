import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventsIn, openChat, textIn, type Chatting } from '../support/chat.js';
import { eventually } from '../support/lab.js';
import { wordAt, wordsOf } from '../support/openai.answers.js';
import { codesOf, type Session } from '../support/people.js';

let c: Chatting;
let eva: Session;
beforeAll(async () => {
  c = await openChat({ AI_DAILY_TOKENS: '1000000' });
});
afterEach(() => c.provider.behave('well'));
afterAll(() => c.close());

const hello = { message: 'Olá' };
const someone = async () => (eva = await c.people.person());
const remove = (id: string) => c.people.send('DELETE', `/ai/conversations/${id}`, undefined, eva.accessToken);
const reading = (response: Response) => {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return async (enough: (text: string) => boolean) => {
    while (!enough(text)) {
      const { done, value } = await reader.read();
      if (done) break;
      text += value;
    }
    return text;
  };
};
const aDelta = (text: string) => text.includes('event: delta');

describe('Twenty messages at once', () => {
  it('in one conversation are all kept, in the order of their ids', async () => {
    await someone();
    const { conversationId } = await c.said(hello, eva);
    const asked = Array.from({ length: 20 }, (_, at) => `nº ${at}`);
    await Promise.all(asked.map((message, at) => c[at % 4 === 3 ? 'streamed' : 'said']({ message, conversationId }, eva)));
    const { turns } = await c.spoken(conversationId, eva);
    expect(turns.map(({ message }) => message).sort()).toEqual([...asked, 'Olá'].sort());
    const ids = turns.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort());
    expect(turns.every(({ reply }) => reply === wordsOf(12))).toBe(true);
    const { used } = await c.settled(eva);
    expect(used).toBe(turns.reduce((sum, { usage }) => sum + usage.totalTokens, 0));
  });

  it('that begin as many conversations each begin one', async () => {
    await someone();
    await Promise.all(Array.from({ length: 20 }, () => c.said(hello, eva)));
    const { items } = await c.conversations(eva, '?limit=100');
    expect(items.map(({ turns }) => turns)).toEqual(Array<number>(20).fill(1));
  });
});

describe('Who leaves in the middle', () => {
  it('of a stream has what he was given kept as cut, pays for no more, and the provider hears of it', async () => {
    await someone();
    c.provider.behave('gated', { times: 1 });
    const leaving = new AbortController();
    c.provider.release(3);
    const response = await c.open(hello, eva, leaving.signal);
    await reading(response)((text) => eventsIn(text).length === 3);
    const entry = c.provider.ledger.at(-1)!;
    leaving.abort();
    await c.provider.until(() => entry.goneAt !== undefined);
    const { items } = await eventually(
      () => c.conversations(eva),
      ({ items: found }) => found.length === 1,
    );
    const { turns } = await c.spoken(items[0]!.id, eva);
    expect(turns).toMatchObject([{ message: 'Olá', reply: wordsOf(3), cut: true, cached: false }]);
    const { used } = await c.settled(eva);
    expect(turns[0]?.usage.totalTokens).toBe(used);
  });

  it('before the first word has nothing kept', async () => {
    await someone();
    c.provider.behave('silent', { times: 2 });
    const leaving = new AbortController();
    const before = c.provider.ledger.length;
    const both = [true, false].map((stream) =>
      fetch(`${c.people.url}/api/v1/ai/chat`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${eva.accessToken}` },
        body: JSON.stringify({ ...hello, stream }),
        signal: leaving.signal,
      }).catch(() => undefined),
    );
    await c.provider.until(() => c.provider.ledger.length === before + 2);
    leaving.abort();
    await Promise.all(both);
    await c.provider.until(() => c.provider.ledger.slice(before).every(({ goneAt }) => goneAt !== undefined));
    await c.settled(eva);
    expect((await c.conversations(eva)).items).toEqual([]);
  });
});

it('a stream that the provider breaks off ends with a problem, and what was given is kept as cut', async () => {
  await someone();
  c.provider.behave({ cutAfter: 4 }, { times: 1 });
  const { status, events } = await c.streamed(hello, eva);
  expect(status).toBe(200);
  expect(events.map(({ name }) => name)).toEqual([...Array<string>(4).fill('delta'), 'error']);
  expect(events.at(-1)?.data).toMatchObject({
    type: 'https://mutirao.dev/problems/dependency-down',
    status: 503,
    code: 'dependency_down',
    instance: '/api/v1/ai/chat',
  });
  expect(events.at(-1)?.data.requestId).toHaveLength(36);
  const { items } = await c.conversations(eva);
  expect((await c.spoken(items[0]!.id, eva)).turns).toMatchObject([{ reply: textIn(events), cut: true }]);
  await c.settled(eva);
});

it('a stream that goes on beyond what it may is cut there, and says so', async () => {
  await someone();
  c.provider.behave('flood', { times: 1 });
  const { events } = await c.streamed(hello, eva);
  expect(events.at(-1)).toMatchObject({ name: 'done', data: { cut: true } });
  expect(events.length).toBeLessThan(1_030);
  const { used } = await c.settled(eva);
  expect(used).toBeLessThan(10_000);
});

describe('A conversation that is deleted while an answer is under way', () => {
  it('does not come back with it', async () => {
    await someone();
    const { conversationId } = await c.said(hello, eva);
    c.provider.behave('gated', { times: 2 });
    const before = c.provider.ledger.length;
    const whole = c.said({ message: 'Inteira', conversationId }, eva);
    const response = c.open({ message: 'Aos poucos', conversationId }, eva, new AbortController().signal);
    await c.provider.until(() => c.provider.ledger.length === before + 2);
    expect((await remove(conversationId)).status).toBe(204);
    c.provider.release();
    expect((await whole).reply).toBe(wordsOf(12));
    expect(await reading(await response)(() => false)).toContain('event: done');
    expect(codesOf(await c.people.send('GET', `/ai/conversations/${conversationId}`, undefined, eva.accessToken))).toEqual([
      404,
      'not_found',
    ]);
    expect(await c.people.rows('SELECT FROM ai_turns WHERE conversation_id = $1', [conversationId])).toEqual([]);
    c.provider.release(0);
  });

  it('is gone whichever of many comes first', async () => {
    await someone();
    for (let round = 0; round < 5; round += 1) {
      const { conversationId } = await c.said(hello, eva);
      const asked = Array.from({ length: 4 }, () => c.ask({ ...hello, conversationId }, eva));
      await remove(conversationId);
      for (const { status } of await Promise.all(asked)) expect([200, 404]).toContain(status);
      expect(await c.people.rows('SELECT FROM ai_turns WHERE conversation_id = $1', [conversationId])).toEqual([]);
    }
    expect((await c.conversations(eva)).items).toEqual([]);
  });
});

it('whoever goes while his first answer is under way leaves nothing behind', async () => {
  await someone();
  c.provider.behave({ pieceMs: 20 }, { times: 1 });
  const response = await c.open(hello, eva, new AbortController().signal);
  const read = reading(response);
  await read(aDelta);
  expect((await c.people.send('DELETE', '/users/me', undefined, eva.accessToken)).status).toBe(204);
  const events = eventsIn(await read(() => false));
  expect(textIn(events).startsWith(wordAt(0))).toBe(true);
  // A second after he went his stream is ended for him, where it was not done by then.
  expect(['done', 'error']).toContain(events.at(-1)?.name);
  expect(await c.people.rows('SELECT FROM ai_conversations WHERE user_id = $1', [eva.user.id])).toEqual([]);
});
