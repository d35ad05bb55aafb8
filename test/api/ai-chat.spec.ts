import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { openChat, patient, PRICE, says, textIn, type Chatting, type Spoken } from '../support/chat.js';
import { wordsOf } from '../support/openai.answers.js';
import { codesOf, openPeople, type Session } from '../support/people.js';

let c: Chatting;
let ana: Session;
let eva: Session;
beforeAll(async () => {
  c = await openChat();
  [ana, eva] = await Promise.all([c.people.person(), c.people.person()]);
});
afterEach(() => c.provider.behave('well'));
afterAll(() => c.close());

const hello = { message: 'Quais campanhas precisam de ajuda?' };
const visit = (method: string, path: string, as?: Session) => c.people.send(method, `/ai/conversations${path}`, undefined, as?.accessToken);
const keyFor = async (...scopes: string[]) =>
  String((await c.people.send('POST', '/auth/api-keys', { name: 'k', scopes }, ana.accessToken)).json.key);

describe('Refused', () => {
  it('is who has not signed in, or whose key is for something else', async () => {
    expect(codesOf(await c.ask(hello))).toEqual([401, 'unauthenticated']);
    for (const path of ['', `/${newId()}`]) expect(codesOf(await visit('GET', path))).toEqual([401, 'unauthenticated']);
    const [other, right] = await Promise.all([keyFor('read', 'write'), keyFor('ai')]);
    expect(codesOf(await c.people.send('POST', '/ai/chat', hello, other))).toEqual([403, 'forbidden']);
    expect((await c.people.send('POST', '/ai/chat', hello, right)).status).toBe(200);
    expect((await c.people.send('GET', '/ai/conversations', undefined, right)).status).toBe(200);
  });

  it('is a conversation of somebody else, or none, and nothing is asked of anybody', async () => {
    const { conversationId } = await c.said(hello, ana);
    const calls = c.provider.ledger.length;
    for (const id of [conversationId, newId()]) {
      expect(codesOf(await c.ask({ ...hello, conversationId: id }, eva))).toEqual([404, 'not_found']);
      expect(codesOf(await c.ask({ ...hello, conversationId: id, stream: true }, eva))).toEqual([404, 'not_found']);
      for (const method of ['GET', 'DELETE']) expect(codesOf(await visit(method, `/${id}`, eva))).toEqual([404, 'not_found']);
    }
    expect(codesOf(await visit('GET', '/nothing', eva))).toEqual([404, 'not_found']);
    expect(c.provider.ledger.length).toBe(calls);
    expect((await c.spoken(conversationId, ana)).turns).toHaveLength(1);
  });

  it.each([
    {},
    { message: '' },
    { message: ' \n\t ' },
    { message: 7 },
    { message: 'x'.repeat(20_001) },
    { message: 'a\0b' },
    { ...hello, conversationId: 'x' },
    { ...hello, stream: 'yes' },
    { ...hello, model: 'gpt' },
    { ...hello, messages: [] },
  ])('is what is no message: %#', async (body) => expect(codesOf(await c.ask(body, ana))).toEqual([422, 'validation_failed']));

  it('is a message that the model could not read, which hears how long it may be', async () => {
    const { json } = await c.ask({ message: 'palavra '.repeat(1_000) }, ana);
    expect(json).toMatchObject({ status: 422, code: 'validation_failed', errors: [{ path: 'message' }] });
    expect(json.detail).toMatch(/too long for this model: counted as 7999 tokens, of about \d{4} that it may have/);
  });

  it('is whoever has nothing left, streamed or not, and nothing is stored', async () => {
    const poor = await c.people.person();
    await c.budgetOf(poor, 10);
    for (const stream of [false, true]) {
      const answer = await c.ask({ ...hello, stream }, poor);
      expect(codesOf(answer)).toEqual([429, 'token_budget_exhausted']);
      expect(answer.headers.get('x-should-retry')).toBe('false');
      expect(answer.headers.get('x-token-budget-remaining')).toBe('10');
    }
    expect((await c.conversations(poor)).items).toEqual([]);
  });

  it('is everybody while no provider answers, streamed or not, and nothing is stored', async () => {
    const person = await c.people.person();
    c.provider.behave({ status: 401 });
    for (const stream of [false, true]) expect(codesOf(await c.ask({ ...hello, stream }, person))).toEqual([503, 'dependency_down']);
    expect((await c.conversations(person)).items).toEqual([]);
    expect(await c.standing(person)).toMatchObject({ used: 0, reserved: 0 });
  });

  it('is a cursor that is none, or of another list', async () => {
    const { conversationId } = await c.said(hello, eva);
    await c.said(hello, eva);
    const { nextCursor } = await c.conversations(eva, '?limit=1');
    expect(nextCursor).not.toBeNull();
    for (const [path, as] of [
      [`?cursor=${nextCursor}`, ana],
      ['?cursor=x', eva],
      [`/${conversationId}?cursor=${nextCursor}`, eva],
    ] as const)
      expect(codesOf(await visit('GET', path, as))).toEqual([422, 'cursor_not_valid']);
    expect(codesOf(await visit('GET', '?limit=0', eva))).toEqual([422, 'validation_failed']);
  });
});

describe('A message', () => {
  it('gets its reply, what it cost, and how one stands', async () => {
    const person = await c.people.person();
    const { status, headers, json } = await c.ask({ message: `  ${hello.message}\n` }, person);
    const entry = c.provider.ledger.at(-1)!;
    const usage = {
      promptTokens: entry.promptTokens,
      completionTokens: 12,
      totalTokens: entry.promptTokens + 12,
      costUsd: (entry.promptTokens * PRICE.input + 12 * PRICE.output) / 1e6,
    };
    const budget = { used: usage.totalTokens, reserved: 0, remaining: 50_000 - usage.totalTokens, warning: false, costUsd: usage.costUsd };
    expect([status, json]).toMatchObject([200, { reply: wordsOf(12), cached: false, usage, budget }]);
    expect(json.budget).not.toHaveProperty('byDay');
    expect(headers.get('x-token-budget-used')).toBe(String(usage.totalTokens));
    expect(headers.get('x-cache')).toBeNull();
    expect(entry.body).toMatchObject({ model: 'model-of-tests', max_tokens: 1_024 });
    expect(c.read().map(({ role }) => role)).toEqual(['system', 'user']);
    expect(c.read()[1]?.content).toBe(hello.message);
  });

  it('comes as events where it is streamed, and is stored the same', async () => {
    const person = await c.people.person();
    const { status, headers, events } = await c.streamed(hello, person);
    expect([status, headers.get('content-type'), headers.get('x-cache')]).toEqual([200, 'text/event-stream; charset=utf-8', null]);
    expect(headers.get('x-token-budget-limit')).toBe('50000');
    expect(events.map(({ name }) => name)).toEqual([...Array<string>(12).fill('delta'), 'usage', 'done']);
    expect(textIn(events)).toBe(wordsOf(12));
    const [usage, done] = events.slice(-2).map(({ data }) => data);
    const { used } = await c.standing(person);
    expect(usage).toMatchObject({ completionTokens: 12, totalTokens: used, budget: { used, reserved: 0 } });
    expect(done).toMatchObject({ cached: false, cut: false });
    const { budget: _budget, ...told } = usage!;
    expect((await c.spoken(String(done!.conversationId), person)).turns).toMatchObject([
      { id: done!.turnId, message: hello.message, reply: wordsOf(12), cached: false, cut: false, usage: told },
    ]);
  });

  it('is kept for equal ones only where nothing was said before, and nobody wishes otherwise', async () => {
    const [person, other] = await Promise.all([c.people.person(), c.people.person()]);
    const asked = { message: 'Quantas campanhas há?' };
    const first = await c.ask(asked, person, {});
    const { conversationId } = first.json;
    const caches = [
      first,
      await c.ask({ ...asked, conversationId }, person, {}),
      await c.ask({ ...asked, conversationId, stream: true }, person, {}),
      await c.ask(asked, person, { 'cache-control': 'no-store' }),
    ].map(({ headers }) => headers.get('x-cache'));
    expect(caches).toEqual(['MISS', null, null, null]);
    const before = c.provider.ledger.length;
    const kept = await c.ask({ message: 'quantas  CAMPANHAS há?' }, other, {});
    const usage = { promptTokens: 0, completionTokens: 0, totalTokens: 0, costUsd: 0 };
    expect(kept.json).toMatchObject({ reply: first.json.reply, cached: true, usage, budget: { used: 0 } });
    expect([kept.headers.get('x-cache'), c.provider.ledger.length]).toEqual(['HIT', before]);
    expect(kept.json.conversationId).not.toBe(conversationId);
    await c.streamed(asked, person, {});
    const { events } = await c.streamed(asked, other, {});
    expect(textIn(events)).toBe(first.json.reply);
    expect(events.at(-1)?.data).toMatchObject({ cached: true, cut: false });
    expect(c.provider.ledger.length).toBe(before + 1);
  });

  it('is never charged or told more than was kept back, though the provider lies', async () => {
    const person = await c.people.person();
    for (const prompt_tokens of [1e9, Number.MAX_SAFE_INTEGER]) {
      c.provider.behave({ usage: { prompt_tokens, completion_tokens: 1e9 } }, { times: 1 });
      expect((await c.said(hello, person)).usage.totalTokens).toBeLessThan(10_000);
    }
    c.provider.behave({ usage: { prompt_tokens: Number.MAX_SAFE_INTEGER, completion_tokens: 1e9 } }, { times: 1 });
    const { events } = await c.streamed(hello, person);
    expect(events.at(-2)?.data.totalTokens).toBeLessThan(10_000);
  });

  it('whose reply holds what cannot be stored, or is nothing at all, has a reply nevertheless', async () => {
    c.provider.behave(says({ content: 'a\0b' }), { times: 1 });
    const { reply, conversationId } = await c.said(hello, ana);
    expect(reply).toBe('ab');
    expect((await c.spoken(conversationId, ana)).turns[0]?.reply).toBe('ab');
    for (const odd of [{ content: '' }, { content: null }, { content: 7 }, {}]) {
      c.provider.behave(says(odd), { times: 1 });
      expect((await c.said(hello, ana)).reply).toMatch(/^Não consegui/);
    }
    c.provider.behave({ says: { choices: [] } }, { times: 1 });
    expect((await c.said(hello, ana)).reply).toMatch(/^Não consegui/);
    c.provider.behave(says({ refusal: 'Isso não.' }), { times: 1 });
    expect((await c.said(hello, ana)).reply).toBe('Isso não.');
    c.provider.behave(says({ content: 'x'.repeat(100_000) }), { times: 1 });
    expect((await c.said(hello, ana)).reply).toHaveLength(65_536);
  });

  it('works with the built-in model, which is given no tools', async () => {
    const own = patient(await openPeople({}, c.people));
    const { status, json } = await own.send('POST', '/ai/chat', { message: 'Quais campanhas existem?' }, ana.accessToken);
    await own.close();
    expect([status, json]).toMatchObject([200, { usage: { costUsd: 0 } }]);
    expect(json.reply).toMatch(/campanha/);
  });
});

describe('A conversation', () => {
  it('is remembered, in its order, and told to nobody else', async () => {
    const { conversationId, reply } = await c.said({ message: 'Primeira' }, ana);
    await c.said({ message: 'Segunda', conversationId: conversationId.toUpperCase() }, ana);
    expect(c.read().slice(1)).toEqual([
      { role: 'user', content: 'Primeira' },
      { role: 'assistant', content: reply },
      { role: 'user', content: 'Segunda' },
    ]);
    const { turns, title, nextCursor } = await c.spoken(conversationId, ana);
    expect([title, turns.map(({ message }) => message), nextCursor]).toEqual(['Primeira', ['Primeira', 'Segunda'], null]);
  });

  it('is remembered no further than the model can read, in whole turns', async () => {
    const person = await c.people.person();
    const { conversationId } = await c.said({ message: 'nº 0' }, person);
    for (let at = 1; at <= 3; at += 1) await c.said({ message: `nº ${at} ${'palavra '.repeat(250)}`, conversationId }, person);
    await c.said({ message: 'E agora?', conversationId }, person);
    const asked = c.read().flatMap(({ role, content }) => (role === 'user' ? [String(content).slice(0, 4)] : []));
    expect(asked).toEqual(['nº 2', 'nº 3', 'E ag']);
    expect(c.read().map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user', 'assistant', 'user']);
    expect((await c.spoken(conversationId, person)).turns).toHaveLength(5);
  });

  it('is listed, the one that was spoken in last first, and each once while others go on', async () => {
    const person = await c.people.person();
    const ids: string[] = [];
    for (const message of ['A', 'B', 'C', 'D']) ids.push((await c.said({ message }, person)).conversationId);
    await c.said({ message: 'A2', conversationId: ids[0] }, person);
    const { items, nextCursor } = await c.conversations(person, '?limit=2');
    expect(items).toMatchObject([
      { id: ids[0], title: 'A', turns: 2 },
      { id: ids[3], title: 'D', turns: 1 },
    ]);
    await c.said({ message: 'D2', conversationId: ids[3] }, person);
    await c.said({ message: 'E' }, person);
    const rest = await c.conversations(person, `?limit=2&cursor=${nextCursor}`);
    expect([rest.items.map(({ id }) => id), rest.nextCursor]).toEqual([[ids[2], ids[1]], null]);
  });

  it('of very many turns tells the last 200, and leads to those before', async () => {
    const { conversationId } = await c.said({ message: 'primeira de todas' }, ana);
    for (let at = 0; at < 201; at += 1)
      await c.people.rows(
        `INSERT INTO ai_turns (id, conversation_id, asked, reply, model, cached, cut, prompt_tokens, completion_tokens, cost_nanos)
         VALUES ($1, $2, $3, 'r', 'm', false, false, 1, 1, 0)`,
        [newId(), conversationId, `nº ${at}`],
      );
    const { turns, nextCursor } = await c.spoken(conversationId, ana);
    expect([turns.length, turns[0]?.message, turns.at(-1)?.message]).toEqual([200, 'nº 1', 'nº 200']);
    const before = await c.spoken(conversationId, ana, `?cursor=${nextCursor}`);
    expect([before.turns.map(({ message }) => message), before.nextCursor]).toEqual([['primeira de todas', 'nº 0'], null]);
  });

  it('that is deleted is really gone, and another stays', async () => {
    const person = await c.people.person();
    const [gone, stays] = [await c.said({ message: 'Vai' }, person), await c.said({ message: 'Fica' }, person)];
    const before = await c.stored();
    expect((await visit('DELETE', `/${gone.conversationId}`, person)).status).toBe(204);
    expect(await c.stored()).toEqual({ conversations: before!.conversations - 1, turns: before!.turns - 1 });
    for (const method of ['GET', 'DELETE']) expect((await visit(method, `/${gone.conversationId}`, person)).status).toBe(404);
    expect((await c.ask({ message: 'x', conversationId: gone.conversationId }, person)).status).toBe(404);
    expect((await c.conversations(person)).items.map(({ id }) => id)).toEqual([stays.conversationId]);
  });

  it('goes along with its person, and goes with him', async () => {
    const person = await c.people.person();
    const { conversationId, reply } = await c.said({ message: 'Só minha' }, person);
    const { json } = await c.people.send('GET', '/users/me/export', undefined, person.accessToken);
    expect(json.conversations as Spoken[]).toMatchObject([
      { id: conversationId, title: 'Só minha', turns: [{ message: 'Só minha', reply }] },
    ]);
    expect((await c.people.send('DELETE', '/users/me', undefined, person.accessToken)).status).toBe(204);
    const left = await c.people.rows(
      'SELECT FROM ai_conversations c LEFT JOIN ai_turns t ON true WHERE c.id = $1 OR t.conversation_id = $1',
      [conversationId],
    );
    expect(left).toEqual([]);
  });
});
