import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pause } from '../../src/kernel/waiting.js';
import type { ChatBody } from '../../src/ai/providers/provider.js';
import { aQuestion, aSignal, beforeTheApi, expectFault, faultOf } from '../support/ai.js';
import { promptTokensOf, tokensIn, wordsOf } from '../support/openai.answers.js';
import { msOf } from '../support/pix.js';

const here = beforeTheApi();

describe('whoever leaves', () => {
  const reason = new Error('enough');

  it('before he asks has asked nothing', async () => {
    expect(await faultOf(here.chat({}, AbortSignal.abort(reason)))).toBe(reason);
    expect(await faultOf(here.stream({}, AbortSignal.abort(reason)).next())).toBe(reason);
    expect(here.api.ledger).toEqual([]);
  });

  it.each(['silent', 'gated'] as const)('while it is %s leaves at once, and it sees that', async (how) => {
    here.api.behave(how);
    const asks = [
      (signal: AbortSignal) => here.chat({}, signal),
      (signal: AbortSignal) => here.stream({}, signal).next(),
      (signal: AbortSignal) => here.ai.embeddings({ model: 'e', input: 'x' }, signal),
    ];
    for (const ask of how === 'gated' ? asks.slice(0, 2) : asks) {
      const gone = new AbortController();
      const work = faultOf(ask(gone.signal));
      await here.api.until(() => here.api.ledger.at(-1)?.done === false && here.api.ledger.at(-1)?.goneAt === undefined);
      const left = performance.now();
      gone.abort(reason);
      expect(await work).toBe(reason);
      expect(performance.now() - left).toBeLessThan(1_000);
      const entry = here.api.ledger.at(-1)!;
      await here.api.until(() => entry.goneAt !== undefined);
      expect(entry.goneAt! - left).toBeLessThan(1_000);
    }
    expect(here.lines).toEqual([]);
  });

  it('between two pieces gets no more of them', async () => {
    const gone = new AbortController();
    const stream = here.stream({}, gone.signal);
    await stream.next();
    // All of them have come.
    await here.api.entry(({ done }) => done);
    gone.abort(reason);
    expect(await faultOf(stream.next())).toBe(reason);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('for a reason that is no error leaves with it', async () => {
    here.api.behave('gated');
    const gone = new AbortController();
    const work = faultOf(here.stream({}, gone.signal).next());
    await here.api.entry();
    gone.abort('enough');
    expect(await work).toBe('enough');
  });

  it('while it is waited for a second try leaves at once', async () => {
    here.api.behave({ status: 503, retryAfter: '2' });
    const gone = new AbortController();
    const work = faultOf(here.chat({}, gone.signal));
    await here.api.entry(({ done }) => done);
    gone.abort(reason);
    expect(await msOf(work)).toBeLessThan(1_000);
    expect(await work).toBe(reason);
  });

  it('while he waits for a connection leaves at once, and has asked nothing', async () => {
    await here.connect({}, { connections: 1 });
    here.api.behave('silent', { times: 1 });
    const [first, second] = [new AbortController(), new AbortController()];
    const firstWork = faultOf(here.chat({}, first.signal));
    await here.api.entry();
    const secondWork = faultOf(here.chat({}, second.signal));
    second.abort(reason);
    expect(await secondWork).toBe(reason);
    first.abort(reason);
    expect(await firstWork).toBe(reason);
    await here.chat();
    expect(here.api.ledger).toHaveLength(2);
  });

  it('a flood in the middle ends it', async () => {
    here.api.behave('flood');
    let seen = 0;
    for await (const { text } of here.stream({ max_tokens: 5 })) if (text && (seen += 1) === 50) break;
    const left = performance.now();
    const entry = await here.api.entry(({ goneAt }) => goneAt !== undefined);
    expect(entry.goneAt! - left).toBeLessThan(1_000);
    expect(entry.maxTokens).toBe(5);
    expect(entry.completionTokens).toBeGreaterThanOrEqual(50);
  });

  it('or does not, leaves nothing behind', async () => {
    const { signal } = new AbortController();
    await here.chat({}, signal);
    for await (const _piece of here.stream({}, signal));
    for await (const _piece of here.stream({}, signal)) break;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

describe('an answer', () => {
  it('is that of the provider, with what it counted', async () => {
    const { body, usage } = await here.chat({ stream: true, stream_options: { include_usage: true }, max_tokens: 5, n: 2 });
    const [entry] = here.api.ledger;
    expect(body).toMatchObject({ choices: [{ message: { content: wordsOf(5) }, finish_reason: 'length' }, { index: 1 }] });
    expect(usage).toEqual({ promptTokens: entry!.promptTokens, completionTokens: 10 });
    expect(entry).toMatchObject({ completionTokens: 10, maxTokens: 5, streamed: false });
    expect(entry!.body).toEqual({ ...aQuestion(), max_tokens: 5, n: 2 });
  });

  it('in pieces is the same', async () => {
    const { text, usage, fault } = await here.read({ max_completion_tokens: 7, stream_options: { include_usage: false, x: 1 } });
    const entry = await here.api.entry(({ done }) => done);
    expect({ text, fault }).toEqual({ text: wordsOf(7), fault: undefined });
    expect(usage).toEqual({ promptTokens: entry.promptTokens, completionTokens: 7 });
    expect(entry).toMatchObject({ completionTokens: 7, maxTokens: 7, streamed: true });
    expect(entry.body.stream_options).toEqual({ include_usage: true, x: 1 });
  });

  it('in odd bytes is the same', async () => {
    here.api.behave('odd');
    expect(await here.read()).toMatchObject({ text: wordsOf(12), fault: undefined, usage: { completionTokens: 12 } });
  });

  it('in pieces without usage has none', async () => {
    here.api.behave('no usage');
    expect(await here.read()).toMatchObject({ text: wordsOf(12), fault: undefined, usage: undefined });
  });

  it('of embeddings has no tokens of an answer', async () => {
    const { body, usage } = await here.ai.embeddings({ model: 'e', input: ['um telhado', 'novo'] }, aSignal());
    expect(body).toMatchObject({ data: [{ index: 0 }, { index: 1 }] });
    expect(usage).toEqual({ promptTokens: 3, completionTokens: 0 });
    here.api.behave({ usage: { prompt_tokens: -3 } });
    expect((await here.ai.embeddings({ model: 'e', input: 'x' }, aSignal())).usage).toBeUndefined();
    here.api.behave('well');
    here.api.behave({ says: {} });
    await expectFault(here.ai.embeddings({ model: 'e', input: 'x' }, aSignal()), { kind: 'away' });
  });

  it('adds the text of all that it says, whatever its shape', async () => {
    const deltas = [
      { content: 'a', refusal: 'b' },
      { tool_calls: [{ function: { name: 'c', arguments: '{"d":' } }, { function: { arguments: '1}' } }, null, 5] },
      { function_call: { name: 'e', arguments: 'f' } },
      { content: null, tool_calls: 'x', refusal: 7 },
      'x',
      null,
    ];
    const says = [
      { choices: deltas.map((delta, index) => ({ index, delta })) },
      { choices: 'x' },
      { choices: [null] },
      { choices: [] },
      {},
    ];
    here.api.behave({ says });
    const { pieces, fault } = await here.read();
    expect(fault).toBeUndefined();
    expect(pieces.map(({ text }) => text)).toEqual(['abc{"d":1}0efxx', 'x', '', '', '']);
    expect(pieces.map(({ body }) => body)).toEqual(says);
  });

  it('is asked for without a key where there is none', async () => {
    await here.connect({ apiKey: undefined });
    await expectFault(here.chat(), { details: { status: 401 } });
  });
});

describe('connections', () => {
  it('are kept: 20 answers in a row come over one', async () => {
    for (let n = 0; n < 10; n += 1) {
      await here.chat();
      expect((await here.read()).fault).toBeUndefined();
    }
    expect(here.api.ledger).toHaveLength(20);
    expect(here.api.connections()).toBe(1);
  });

  it('are kept after a refusal', async () => {
    for (const status of [400, 404, 429]) {
      here.api.behave({ status, retryAfter: '60' }, { times: 1 });
      await faultOf(here.chat());
    }
    await here.chat();
    expect(here.api.connections()).toBe(1);
  });

  it('are no more than 50', async () => {
    await Promise.all(Array.from({ length: 120 }, () => here.chat()));
    expect(here.api.ledger).toHaveLength(120);
    expect(here.api.connections()).toBeLessThanOrEqual(50);
  });

  it('end when it is closed', async () => {
    here.api.behave('gated');
    here.api.release(1);
    const stream = here.stream();
    await stream.next();
    await here.ai.close();
    expect(await faultOf(stream.next())).toMatchObject({ kind: 'cut' });
    await here.api.until(() => here.api.open() === 0);
    await expectFault(here.chat(), { kind: 'away', sent: false });
  });
});

describe('whoever reads slowly', () => {
  it('is sent no more than lies on the way', async () => {
    await here.connect({}, { idleMs: 2_000 });
    const says = Array.from({ length: 80 }, () => ({ x: 'x'.repeat(500_000), choices: [] }));
    here.api.behave({ says });
    const stream = here.stream();
    await stream.next();
    // Nothing tells that nothing comes.
    await pause(300);
    expect(here.api.ledger[0]!.bytes).toBeLessThan(24_000_000);
    let rest = 0;
    for await (const _piece of stream) rest += 1;
    expect(rest).toBe(79);
  });
});

it('the stand-in counts no more tokens than there are bytes', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'é', '7', '🌱', '\u0301', '!', ' ', '\n') }),
      (text) => tokensIn(text) <= Buffer.byteLength(text),
    ),
  );
  const { messages }: ChatBody = aQuestion();
  expect(promptTokensOf({ messages })).toBe(7);
});
