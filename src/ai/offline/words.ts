/** A word or a single sign, with the white space before it; white space at the end of a text stands alone. */
const TOKEN = /\s*(?:[\p{L}\p{M}\p{N}]+|\S)|\s+$/gu;

export const tokensOf = (text: string): string[] => text.match(TOKEN) ?? [];

/** What the built-in model counts as tokens. None is shorter than a character, so a text has at most one for each of its bytes. */
export const countWords = (text: string): number => tokensOf(text).length;

/** Without accents and capitals, as people type who are in a hurry. */
export const plain = (text: string): string => text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();

export const plainWords = (text: string): string[] => plain(text).match(/[\p{L}\p{N}]+/gu) ?? [];

/** What somebody else wrote, as one line of visible characters that is not too long. */
export function shortLine(text: string, most: number): string {
  const line = text
    .replaceAll(/[\p{Cf}\p{Cs}\p{Co}]/gu, '')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  const letters = Array.from(line);
  return letters.length > most ? `${letters.slice(0, most).join('').trimEnd()}…` : line;
}

/** The same between marks that nothing in it can close. */
export const quoted = (text: string, most: number): string => `“${shortLine(text, most).replaceAll(/[“”„‟]/g, '"')}”`;
