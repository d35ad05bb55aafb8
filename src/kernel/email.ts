import { domainToASCII } from 'node:url';

export const MOST_EMAIL_LETTERS = 254;
const LOCAL = /^(?!\.)(?!.*\.\.)(?!.*\.$)[^\s@"(),:;<>[\\\]\p{C}]{1,64}$/u;
const DOMAIN = /^(?=.{4,253}$)(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+[a-z][a-z\d-]{0,61}[a-z\d]$/;

/** One person's address has one way to be written; `undefined` for what is none. */
export function normalEmail(given: string): string | undefined {
  if (given.length > MOST_EMAIL_LETTERS * 2) return undefined;
  const text = given.trim().normalize('NFKC').toLowerCase();
  const at = text.lastIndexOf('@');
  const local = text.slice(0, Math.max(0, at));
  const domain = domainToASCII(text.slice(at + 1));
  const email = `${local}@${domain}`;
  return LOCAL.test(local) && DOMAIN.test(domain) && email.length <= MOST_EMAIL_LETTERS ? email : undefined;
}
