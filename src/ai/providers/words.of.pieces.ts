import type { Json } from './openai.answers.js';

/** What of a choice says nothing, as long as it is as short as it has to be. */
const SHORT: Readonly<Record<string, number>> = { role: 32, type: 32, finish_reason: 32, stop_reason: 32, id: 64 };
/** A stream says again and again what it is; so much of that is new in one that is honest. */
const FRAME_LETTERS = 2_048;
/** Letters that some providers put in at random, so that lengths say nothing. */
const PADDING_LETTERS = 64;
/** No count and no index has more; what is longer says something else. */
const MOST_DIGITS = 9;
const MOST_NAMES = 256;
const DEEPEST = 16;

/**
 * Of each piece of one streamed answer all that it adds: whatever it is called, and wherever it stands, somebody has to
 * pay for it. Words come in values, in names and in numbers; what only says again what was said is left out, and so are
 * probabilities where they were asked for.
 */
export function wordsOfPieces(withoutProbabilities: boolean): (piece: Json) => string {
  const names = new Set<string>();
  const said = new Map<string, string>();
  let room = FRAME_LETTERS;

  const frame = (text: string): string => {
    if (text.length > room) return text;
    room -= text.length;
    return '';
  };
  const nameOf = (name: string): string => {
    if (names.has(name)) return '';
    if (names.size < MOST_NAMES) names.add(name);
    return frame(name);
  };
  const wordsIn = (value: unknown, depth: number): string => {
    if (typeof value === 'string') return value;
    if (typeof value !== 'object' || value === null || depth > DEEPEST) return '';
    // A list of numbers says one thing by each.
    if (Array.isArray(value)) return value.map((each) => (typeof each === 'number' ? '0' : wordsIn(each, depth + 1))).join('');
    let words = '';
    for (const [name, each] of Object.entries(value)) {
      words += nameOf(name);
      if (name === 'logprobs' && withoutProbabilities) continue;
      if (typeof each === 'string' && each.length <= (SHORT[name] ?? 0)) continue;
      words += typeof each === 'number' ? frame(String(each).slice(MOST_DIGITS)) : wordsIn(each, depth + 1);
    }
    return words;
  };
  const again = (name: string, value: unknown): string => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (said.get(name) === text || (name === 'obfuscation' && text.length <= PADDING_LETTERS)) return '';
    if (said.size < MOST_NAMES) said.set(name, text);
    return frame(text);
  };

  return ({ choices, usage, ...rest }) => {
    let words = wordsIn(choices, 0) + wordsIn(usage, 0);
    for (const [name, value] of Object.entries(rest)) words += nameOf(name) + again(name, value);
    return words;
  };
}
