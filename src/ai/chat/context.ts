import type { Count } from '../tokenizers.js';

/** What was said before, once by each. */
export interface Told {
  message: string;
  reply: string;
}

/** What stands around each message, whatever it says. */
const AROUND = 4;

/** The latest turns, each whole, for which there is room beside what must be there; nothing where that alone is too much. */
export function trimmed<T extends Told>(turns: readonly T[], fixed: readonly string[], most: number, count: Count): T[] | undefined {
  const costOf = (...texts: readonly string[]) => texts.reduce((sum, text) => sum + count(text) + AROUND, 0);
  let left = most - costOf(...fixed);
  if (left < 0) return undefined;
  let from = turns.length;
  while (from > 0) {
    const { message, reply } = turns[from - 1]!;
    left -= costOf(message, reply);
    if (left < 0) break;
    from -= 1;
  }
  return turns.slice(from);
}
