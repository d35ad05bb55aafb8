import { newId } from '../../src/kernel/ids.js';

export type Json = Record<string, unknown>;

export type Path = 'chat' | 'embeddings' | 'transcriptions' | 'models';

/** How it answers. */
export interface Ways {
  key: string;
  words: number;
  models: string[];
  tokensOf: (text: string) => number;
  /** The first word of an answer to these messages. */
  opening: (messages: unknown) => string | undefined;
}

/** What it knows of one call. */
export interface Entry {
  readonly id: string;
  readonly path: Path;
  readonly model: string;
  readonly streamed: boolean;
  readonly body: Json;
  readonly promptTokens: number;
  readonly maxTokens: number | undefined;
  /** Tokens of the answer that the socket has taken. */
  completionTokens: number;
  /** Bytes of the answer that the socket has taken. */
  bytes: number;
  /** All of the answer is out. */
  done: boolean;
  /** When the caller went before all of it was out. */
  goneAt: number | undefined;
}

/** Each is one token. */
const WORDS = ['cada', 'doação', 'ajuda', 'o', 'mutirão', '🌱', 'a', 'crescer'];

/** A word or a sign each: never more than there are bytes. */
export const tokensIn = (text: string): number => text.match(/\p{L}+|\p{N}+|\S/gu)?.length ?? 0;

/** All that is read of a question, whatever its shape; numbers are tokens already. */
export function promptTokensOf({ messages, tools, functions, response_format, input }: Json, tokensOf = tokensIn): number {
  const count = (value: unknown): number => {
    if (typeof value === 'string') return tokensOf(value);
    if (typeof value === 'number') return 1;
    return typeof value === 'object' && value !== null ? Object.values(value).reduce((sum: number, each) => sum + count(each), 0) : 0;
  };
  return count([messages, tools, functions, response_format, input]);
}

const whole = (value: unknown) => (typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined);

export const maxTokensOf = (body: Json): number | undefined => whole(body.max_completion_tokens) ?? whole(body.max_tokens);
export const choicesOf = (body: Json): number => whole(body.n) ?? 1;

/** One token with the blank that follows it. */
export const wordAt = (index: number, opening?: string): string => `${(index === 0 && opening) || WORDS[index % WORDS.length]!} `;
export const wordsOf = (count: number, opening?: string): string =>
  Array.from({ length: count }, (_, index) => wordAt(index, opening)).join('');

const named = (object: string, model: string) => ({ id: `chatcmpl-${newId()}`, object, created: Math.floor(Date.now() / 1_000), model });

export function usageOf(promptTokens: number, completionTokens: number): Json {
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens };
}

export function entryFor(path: Path, body: Json, tokensOf = tokensIn): Entry {
  return {
    id: newId(),
    path,
    model: String(body.model),
    streamed: body.stream === true,
    body,
    promptTokens: promptTokensOf(body, tokensOf),
    maxTokens: maxTokensOf(body),
    completionTokens: 0,
    bytes: 0,
    done: false,
    goneAt: undefined,
  };
}

export const modelsOf = (ids: string[]): Json => ({
  object: 'list',
  data: ids.map((id) => ({ id, object: 'model', created: 0, owned_by: 'tests' })),
});

export function completionOf(
  model: string,
  { choices, words, cut, opening }: { choices: number; words: number; cut: boolean; opening?: string },
): Json {
  const message = { role: 'assistant', content: wordsOf(words, opening), refusal: null };
  const finish_reason = cut ? 'length' : 'stop';
  return {
    ...named('chat.completion', model),
    choices: Array.from({ length: choices }, (_, index) => ({ index, message, finish_reason, logprobs: null })),
  };
}

export function embeddingsOf(model: string, { input, encoding_format: format }: Json): Json {
  const inputs = Array.isArray(input) && typeof input[0] !== 'number' ? input : [input];
  const data = inputs.map((each, index) => {
    const figures = [promptTokensOf({ input: each }), 0.5, -0.25];
    const embedding = format === 'base64' ? Buffer.from(new Float32Array(figures).buffer).toString('base64') : figures;
    return { object: 'embedding', index, embedding };
  });
  return { object: 'list', model, data };
}

/** Pieces that share their name. */
export function piecesOf(model: string, opening?: string) {
  const name = named('chat.completion.chunk', model);
  const piece = (index: number, delta: Json, finish_reason: string | null = null): Json => ({
    ...name,
    choices: [{ index, delta, finish_reason }],
  });
  return {
    word: (index: number, at: number) => piece(index, { ...(at === 0 && { role: 'assistant' }), content: wordAt(at, opening) }),
    last: (index: number, cut: boolean) => piece(index, {}, cut ? 'length' : 'stop'),
    usage: (usage: unknown): Json => ({ ...name, choices: [], usage }),
  };
}

export const problem = (message: string, code: string | null, type = 'invalid_request_error'): Json => ({
  error: { message, type, param: null, code },
});

/** As plain as it can be, or with all that the format of event streams allows. */
export function frame(data: string, odd: boolean): Buffer {
  if (!odd) return Buffer.from(`data: ${data}\n\n`);
  const pretty = data.startsWith('{') ? JSON.stringify(JSON.parse(data), null, 1) : data;
  const lines = pretty.split('\n').map((line) => `data: ${line}`);
  return Buffer.from([': keep-alive', 'event: message', 'id: 1', ...lines, '', ''].join('\r\n'));
}
