import { countOf, timeAt } from './dates.js';
import type { Said } from './meaning.js';
import { notBeforeTimes, silent, type Concept } from './model.js';
import { conceptAt, languageOf, NAME } from './words.js';

export interface Step {
  concept: Concept | 'name' | 'count' | 'amount';
  value: number;
  word: string;
  /** Words that say nothing, between the step before and this one. */
  skipped: readonly string[];
}

/** In cents; with points or commas for thousands and for cents. */
function centsOf(word: string | undefined): number | undefined {
  const [, whole, cents = ''] = /^(\d+|[1-9]\d{0,2}(?:[.,]\d{3})+)(?:[.,](\d{1,2}))?$/.exec(word ?? '') ?? [];
  return whole === undefined ? undefined : Number(whole.replaceAll(/[.,]/g, '')) * 100 + Number(cents.padEnd(2, '0'));
}

function amountAt(words: readonly string[], at: number): { cents: number; length: number } | undefined {
  const sign = words[at] === 'r$' ? 1 : 0;
  const cents = centsOf(words[at + sign]);
  const unit = words[at + sign + 1] === 'reais' ? 1 : 0;
  // Above 100 may be anything.
  return cents === undefined || sign + unit === 0 ? undefined : { cents, length: sign + 1 + unit };
}

/** Portuguese where a time follows (“no mês passado”); elsewhere nobody knows whether it denies. */
const isSilentNo = (words: readonly string[], at: number, today: string): boolean =>
  languageOf(words) === 'pt' && (words[at + 1] === 'total' || timeAt(words, at + 1, today) !== undefined);

/** “As of March” is no part of March. */
const isOtherBefore = (words: readonly string[], at: number): boolean =>
  notBeforeTimes.has(words[at - 1] ?? '') || (words[at - 2] === 'as' && words[at - 1] === 'of');

/** The words in their order, as far as they mean something; the time is taken out of them. */
export function stepsOf(words: readonly string[], today: string) {
  const steps: Step[] = [];
  const unknown: string[] = [];
  const isEnglish = languageOf(words) === 'en';
  let period: Said['period'] = null;
  let skipped: string[] = [];
  const silents: string[] = [];
  const add = (concept: Step['concept'], word: string, value = 0) => {
    steps.push({ concept, value, word, skipped });
    skipped = [];
  };
  for (let at = 0; at < words.length;) {
    const word = words[at] ?? '';
    const time = timeAt(words, at, today);
    const found = conceptAt(words, at);
    const last = steps.at(-1)?.concept;
    const amount = last === 'above' || last === 'below' ? amountAt(words, at) : undefined;
    let length = 1;
    if (amount) {
      add('amount', word, amount.cents);
      ({ length } = amount);
    } else if (time) {
      ({ length } = time);
      const its = words.slice(at, at + length);
      // Where the month stands first nobody knows what 05/10/2026 is.
      const isClear = !(isEnglish && its.some((part) => part.includes('/')));
      const isFree = !['not', 'per', 'above', 'below'].includes(last ?? '') && !isOtherBefore(words, at);
      if (period === null && isClear && isFree) ({ period } = time);
      else unknown.push(its.join(' '));
    } else if (word === NAME) add('name', word);
    else if (found) {
      add(found.concept, word);
      ({ length } = found);
    } else if (countOf(word) !== undefined && !/^(um|uma|one)$/.test(word)) add('count', word, countOf(word));
    else if (silent.has(word) || (word === 'no' && isSilentNo(words, at, today))) {
      skipped.push(word);
      silents.push(word);
    } else unknown.push(word);
    at += length;
  }
  return { steps, unknown, period, silents };
}
