import { afterEach, beforeEach, expect } from 'vitest';
import type { Bounds } from '../../src/ai/providers/openai.client.js';
import { OpenAIProvider, type OpenAISettings } from '../../src/ai/providers/openai.provider.js';
import { ProviderFault, type ChatBody, type ChatPiece } from '../../src/ai/providers/provider.js';
import { asEver } from './clocks.js';
import { startOpenAI, type OpenAIStandIn } from './openai.js';
import { recordedLog, type LogLine } from './recorded-log.js';

export const aQuestion = (over: object = {}): ChatBody => ({
  model: 'model-of-tests',
  messages: [{ role: 'user', content: 'Quanto falta para o telhado?' }],
  ...over,
});

/** For each test an API of its own and a provider that asks it; afterwards no key is in the log. */
export function beforeTheApi() {
  const here = {
    api: undefined as unknown as OpenAIStandIn,
    ai: undefined as unknown as OpenAIProvider,
    lines: [] as LogLine[],
    told: (level: string) => here.lines.filter((line) => line.level === level),
    async connect(settings: Partial<OpenAISettings> = {}, over: Partial<Bounds> = {}) {
      await (here.ai as OpenAIProvider | undefined)?.close();
      const recorded = recordedLog();
      here.lines = recorded.lines;
      const access = { name: 'first', baseUrl: here.api.url, apiKey: here.api.key, model: 'model-of-tests' };
      here.ai = new OpenAIProvider({ ...access, ...settings }, recorded.log, over);
    },
    chat: (over: object = {}, signal = aSignal()) => here.ai.chat(aQuestion(over), signal),
    stream: (over: object = {}, signal = aSignal()) => here.ai.stream(aQuestion(over), signal),
    read: (over: object = {}) => read(here.stream(over)),
  };
  beforeEach(async () => {
    here.api = await startOpenAI();
    await here.connect();
  });
  afterEach(async () => {
    asEver();
    await here.ai.close();
    await here.api.stop();
    expect(JSON.stringify(here.lines)).not.toContain(here.api.key);
  });
  return here;
}

/** One that never comes. */
export const aSignal = () => new AbortController().signal;

/** What came of a stream, and how it ended. */
export async function read(stream: AsyncGenerator<ChatPiece, void, void>) {
  const pieces: ChatPiece[] = [];
  let fault: unknown;
  try {
    for await (const piece of stream) pieces.push(piece);
  } catch (cause) {
    fault = cause;
  }
  return { pieces, fault, text: pieces.map(({ text }) => text).join(''), usage: pieces.at(-1)?.usage };
}

export const faultOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (cause: unknown) => cause,
  );

export async function expectFault(work: Promise<unknown>, like: object): Promise<ProviderFault> {
  const fault = await faultOf(work);
  expect(fault).toBeInstanceOf(ProviderFault);
  expect(fault).toMatchObject(like);
  return fault as ProviderFault;
}
