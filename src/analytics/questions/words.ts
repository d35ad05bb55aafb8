import { endings, vocabulary, type Concept, type Language } from './model.js';

const QUOTED = /["“”«»]([^"“”«»]{1,200})["“”«»]/g;
/** Not “e”, which joins. */
const IS = /(?<!\p{L})é(?!\p{L})/giu;
const SAYS_NOTHING = /\b(?:por favor|ate agora|so far)\b/g;
/** What none of these is stands for itself, whole: nobody knows what it was to mean. */
const WORD = /\u0001|r\$|\d{4}-\d\d-\d\d|\d{1,2}\/\d{1,2}\/\d{4}|\d[\d.,]*\d|\d+|[a-z]+|[^\s\da-z\u0001]+/gu;
const STOPS = /[?!.,;:]+(?=[\s\u0001]|$)/g;

/** Without case and accents. */
export const bare = (text: string): string => text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase();

export interface Words {
  words: string[];
  /** What stood in quotes, as it was written. */
  names: string[];
}

/** The sign of a name among the words. */
export const NAME = '\u0001';

/** A question without what stood in quotes. */
function unquoted(question: string) {
  const names: string[] = [];
  const text = question
    .normalize('NFC')
    .replaceAll(NAME, ' ')
    .replaceAll(QUOTED, (_, name: string) => {
      names.push(name.trim());
      return ` ${NAME} `;
    });
  return { text, names };
}

export function wordsOf(question: string): Words {
  const { text, names } = unquoted(question);
  const plain = bare(text.replaceAll(IS, ' ')).replaceAll(STOPS, ' ').replaceAll(SAYS_NOTHING, ' ');
  return { words: plain.match(WORD) ?? [], names };
}

/** As they were written but for case and stops, for whoever may see more in them than what is known here. */
export function tokensOf(question: string): Words {
  const { text, names } = unquoted(question);
  const plain = text
    .toLowerCase()
    .replaceAll(STOPS, ' ')
    .replaceAll(/\bpor favor\b/g, ' ');
  return { words: plain.match(/\S+/g) ?? [], names };
}

interface Phrase {
  concept: Concept;
  parts: { text: string; open: boolean }[];
}

const phrases: Phrase[] = (Object.entries(vocabulary) as [Concept, string][])
  .flatMap(([concept, all]) =>
    all
      .split(' / ')
      .map((phrase) => ({ concept, parts: phrase.split(' ').map((part) => ({ text: part.replace('*', ''), open: part.endsWith('*') })) })),
  )
  .sort((one, other) => other.parts.length - one.parts.length || lettersOf(other) - lettersOf(one));

function lettersOf({ parts }: Phrase): number {
  return parts.reduce((sum, { text }) => sum + text.length, 0);
}

const fits = ({ parts }: Phrase, words: readonly string[], at: number) =>
  parts.every(({ text, open }, index) => {
    const word = words[at + index];
    return word !== undefined && (word === text || (open && word.startsWith(text) && endings.has(word.slice(text.length))));
  });

/** The concept that begins here, and how many words it takes. */
export function conceptAt(words: readonly string[], at: number): { concept: Concept; length: number } | undefined {
  const found = phrases.find((phrase) => fits(phrase, words, at));
  return found && { concept: found.concept, length: found.parts.length };
}

const english = new Set(
  `the how many much did we what is are was were which last this by per in of year month week day days and get raise raised donation donations
  donors campaigns campaign top messages yesterday today average amount not paid number active tell me show about for from
  on to and with without between since until at gave most fewest above below`.split(/\s+/),
);

/** In which an answer is told. */
export function languageOf(words: readonly string[]): Language {
  const told = words.filter((word) => /^[a-z]/.test(word));
  const known = told.filter((word) => english.has(word)).length;
  return known * 2 >= told.length ? 'en' : 'pt';
}
