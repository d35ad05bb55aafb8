import { randomInt } from 'node:crypto';
import { isId } from './campaigns.store.js';

const MOST_LETTERS = 60;
const TAIL = '23456789abcdefghjkmnpqrstuvwxyz';
const TAIL_LETTERS = 5;

/** The title as an address has it: plain letters and dashes. */
export function slugOf(title: string): string {
  const plain = title
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z\d]+/g, '-');
  const slug = plain.slice(0, MOST_LETTERS).replaceAll(/^-+|-+$/g, '') || 'campanha';
  // What is written like an id would be looked for among ids.
  return isId(slug) ? `campanha-${slug}` : slug;
}

/** The same with a few letters more, for when somebody has it. */
export const slugBeside = (slug: string): string =>
  `${slug}-${Array.from({ length: TAIL_LETTERS }, () => TAIL[randomInt(TAIL.length)]).join('')}`;
