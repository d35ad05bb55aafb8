import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withFallback } from '../../src/ai/providers/fallback.js';
import { OpenAIProvider } from '../../src/ai/providers/openai.provider.js';
import type { Provider } from '../../src/ai/providers/provider.js';
import { aQuestion, aSignal, beforeTheApi, expectFault, faultOf, read } from '../support/ai.js';
import { startOpenAI, type Manner, type OpenAIStandIn } from '../support/openai.js';
import { wordsOf } from '../support/openai.answers.js';
import { recordedLog, type LogLine } from '../support/recorded-log.js';

const here = beforeTheApi();
let other: OpenAIStandIn;
let second: OpenAIProvider;
let both: Provider;
let lines: LogLine[];

beforeEach(async () => {
  other = await startOpenAI({ words: 3 });
  const recorded = recordedLog();
  lines = recorded.lines;
  second = new OpenAIProvider({ name: 'second', baseUrl: other.url, apiKey: other.key, model: 'another-model' }, recorded.log);
  both = withFallback(here.ai, second, recorded.log);
});
afterEach(async () => {
  await second.close();
  await other.stop();
});

const chat = (signal = aSignal()) => both.chat(aQuestion(), signal);
const stream = (signal = aSignal()) => read(both.stream(aQuestion(), signal));

describe('the second is not asked', () => {
  it('what the first refuses', async () => {
    here.api.behave({ status: 400 });
    await expectFault(chat(), { kind: 'refused' });
    expect((await stream()).fault).toMatchObject({ kind: 'refused' });
    expect(other.ledger).toEqual([]);
  });

  it.each<Manner>([{ cutAfter: 1 }, { errorAfter: 2 }, 'no done'])('once there is a piece, by %j', async (how) => {
    here.api.behave(how);
    expect((await stream()).fault).toMatchObject({ kind: 'cut' });
    expect(other.ledger).toEqual([]);
  });

  it('where it is the caller who left', async () => {
    here.api.behave('silent');
    const gone = new AbortController();
    const work = [faultOf(chat(gone.signal)), stream(gone.signal).then(({ fault }) => fault)];
    await here.api.until(() => here.api.ledger.length === 2);
    gone.abort('gone');
    expect(await Promise.all(work)).toEqual(['gone', 'gone']);
    expect(other.ledger).toEqual([]);
  });

  it('for embeddings', async () => {
    here.api.behave('html');
    await expectFault(both.embeddings({ model: 'e', input: 'x' }, aSignal()), { kind: 'away' });
    expect(other.ledger).toEqual([]);
  });
});

describe('the second is asked', () => {
  it.each<Manner>(['html', 'hang up', { status: 403 }, { status: 429, retryAfter: '9' }])('where the first is away by %j', async (how) => {
    here.api.behave(how);
    expect((await chat()).body).toMatchObject({ model: 'another-model', choices: [{ message: { content: wordsOf(3) } }] });
    expect(await stream()).toMatchObject({ text: wordsOf(3), fault: undefined, usage: { completionTokens: 3 } });
    expect(other.ledger.map(({ model }) => model)).toEqual(['another-model', 'another-model']);
    expect(other.ledger[0]!.body).toEqual({ ...aQuestion(), model: 'another-model' });
  });

  it('and that is told once, like the way back', async () => {
    here.api.behave('html', { times: 3 });
    await chat();
    await stream();
    await chat();
    await stream();
    await chat();
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
      ['warn', 'another AI provider is asked instead'],
      ['info', 'the first AI provider is asked again'],
    ]);
  });

  it('and what became of it is told; but what the first was sent was sent', async () => {
    here.api.behave('html');
    other.behave({ status: 422 });
    await expectFault(chat(), { kind: 'refused', details: { status: 422 } });
    other.behave('well');
    other.behave({ cutAfter: 1 });
    expect(await stream()).toMatchObject({ pieces: [{ text: wordsOf(1) }], fault: { kind: 'cut' } });
    await other.stop();
    await expectFault(chat(), { kind: 'away', sent: true });
  });

  it('and was sent nothing, like the first, where neither is there', async () => {
    await here.api.stop();
    await other.stop();
    await expectFault(chat(), { kind: 'away', sent: false });
    expect((await stream()).fault).toMatchObject({ kind: 'away', sent: false });
  });
});

it('ends with whoever leaves early, whichever is asked', async () => {
  const leaves = async (api: OpenAIStandIn) => {
    api.behave('gated');
    api.release(1);
    for await (const _piece of both.stream(aQuestion(), aSignal())) break;
    const left = performance.now();
    const { goneAt } = await api.entry((entry) => entry.goneAt !== undefined);
    expect(goneAt! - left).toBeLessThan(1_000);
  };
  await leaves(here.api);
  here.api.behave('well');
  here.api.behave('html');
  await leaves(other);
});
