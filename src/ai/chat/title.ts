import { shortLine } from '../offline/words.js';

const MOST_LETTERS = 80;
const NAMELESS = 'Conversa';

/** Of what was said first: its first line, or as many whole sentences or words of it as a title may have. */
export function titleOf(message: string): string {
  const line =
    message
      .split(/[\r\n\u2028\u2029]/)
      .map(cleaned)
      .find((each) => each !== '') ?? NAMELESS;
  const letters = Array.from(line);
  if (letters.length <= MOST_LETTERS) return line;
  const [sentence] = /^.*?[.!?…](?=\s)/u.exec(line) ?? [];
  if (sentence && Array.from(sentence).length <= MOST_LETTERS) return sentence;
  const start = letters.slice(0, MOST_LETTERS - 1).join('');
  const isWordEnd = /\s/.test(letters[MOST_LETTERS - 1]!);
  const words = isWordEnd ? start : start.replace(/\s+\S*$/u, '');
  return `${words.trimEnd()}…`;
}

const cleaned = (line: string) => shortLine(line, Infinity);
