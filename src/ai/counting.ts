import type { ChatBody } from './providers/provider.js';

/** What a picture is taken for where nobody has looked at it. */
const PICTURE_TOKENS = 2_000;
/** No token of a text is longer, on the whole. */
const LONGEST_TOKEN_BYTES = 16;

/** Never fewer than any model makes of it: no tokenizer makes more tokens of a text than it has bytes. */
export const mostTokensOf = (text: string): number => Buffer.byteLength(text);

/** Never more than any model makes of so many bytes, as far as anybody writes. */
export const fewestTokensIn = (bytes: number): number => Math.ceil(bytes / LONGEST_TOKEN_BYTES);

/** What no model is given to read. */
const UNREAD = new Set(['model', 'user', 'stream_options', 'metadata', 'safety_identifier', 'prompt_cache_key', 'service_tier']);

/** All that a model is given to read: what was said, what it may use and has to keep to, and whatever else nobody knows here. */
export function promptTokensOf({ messages, ...rest }: ChatBody, count = mostTokensOf): number {
  let pictures = 0;
  const said = (Array.isArray(messages) ? messages : []).map((message: { content?: unknown }) => {
    if (!Array.isArray(message.content)) return message;
    const content = message.content.filter((part: unknown) => !isPicture(part));
    pictures += message.content.length - content.length;
    return { ...message, content };
  });
  return count(JSON.stringify({ messages: said, ...readOf(rest) })) + pictures * PICTURE_TOKENS;
}

/** What may be read of all that nobody knows here. */
const readOf = (asked: object): object =>
  Object.fromEntries(Object.entries(asked).filter(([name, value]) => isWords(value) && !UNREAD.has(name)));

const isWords = (value: unknown): boolean => typeof value === 'string' || (typeof value === 'object' && value !== null);

/** A picture and nothing else: what stands beside it is read, too. */
function isPicture(part: unknown): boolean {
  if (typeof part !== 'object' || part === null || !('type' in part) || part.type !== 'image_url') return false;
  return Object.keys(part).every((name) => name === 'type' || name === 'image_url') && 'image_url' in part && isPlace(part.image_url);
}

const isPlace = (value: unknown): boolean =>
  typeof value === 'string' ||
  (typeof value === 'object' && value !== null && Object.keys(value).every((name) => name === 'url' || name === 'detail'));

/** Where nothing is wished. */
const USUAL_COMPLETION = 1_024;

/** How long an answer may be, and by which name that was said. */
export function wishedOf({ max_tokens: older, max_completion_tokens: newer }: Wish): { limit: keyof Wish; completion: number } {
  if (typeof newer === 'number') return { limit: 'max_completion_tokens', completion: newer };
  return { limit: 'max_tokens', completion: older ?? USUAL_COMPLETION };
}

interface Wish {
  max_tokens?: number | null;
  max_completion_tokens?: number | null;
}

/** Some models put a mark before each text, and one behind it. */
const MARKS = 2;

/** Texts, or what a tokenizer has already made of them. */
export type EmbeddingInput = string | string[] | number[] | number[][];

interface EmbeddingAsked {
  input: EmbeddingInput;
  encoding_format?: unknown;
}

export function embeddingTokensOf({ input, encoding_format: _, ...rest }: EmbeddingAsked): number {
  const each: (string | number | number[])[] = typeof input === 'string' ? [input] : input;
  const read = readOf(rest);
  return each.reduce<number>(
    (sum, one) => sum + (typeof one === 'number' ? 1 : typeof one === 'string' ? mostTokensOf(one) + MARKS : one.length),
    Object.keys(read).length > 0 ? mostTokensOf(JSON.stringify(read)) : 0,
  );
}

/** Models make ten to twenty tokens of a second with their answer; a provider that tells seconds is charged by this. */
const TOKENS_OF_A_SECOND = 10;
/** Voice notes have about 2,000 bytes a second; no speech has fewer, as a rule. */
const BYTES_OF_A_SECOND = 750;

/** Where its length is known: what is kept back for it, and what it is charged where nobody tells more. */
export const tokensOfSeconds = (seconds: number) => ({
  most: Math.ceil(seconds * 2 * TOKENS_OF_A_SECOND),
  usual: Math.ceil(seconds * TOKENS_OF_A_SECOND),
});

/** By its size, or by what it tells of its own rate where that makes it longer. */
export const recordingTokensOf = (bytes: number, bytesOfASecond = BYTES_OF_A_SECOND): number =>
  Math.max(1, Math.ceil((bytes * TOKENS_OF_A_SECOND) / Math.min(bytesOfASecond, BYTES_OF_A_SECOND)));
