import type { Config } from '../config/config.js';

export interface Letter {
  /** One address, without a name. */
  to: string;
  subject: string;
  text: string;
}

export interface Sender {
  name: string;
  address: string;
}

const MOST_LETTERS = 254;
const LOCAL = /^[^\s@"(),:;<>[\\\]\p{C}]{1,64}$/u;
const DOMAIN = /^(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+[a-z][a-z\d-]{0,61}[a-z\d]$/i;

/** Nothing that a mail program could read as a list, a group, a name or a line more. */
export function isOneAddress(text: string): boolean {
  const at = text.lastIndexOf('@');
  return text.length <= MOST_LETTERS && LOCAL.test(text.slice(0, Math.max(0, at))) && DOMAIN.test(text.slice(at + 1));
}

export function senderOf({ MAIL_FROM, PUBLIC_URL }: Pick<Config, 'MAIL_FROM' | 'PUBLIC_URL'>): Sender {
  const host = PUBLIC_URL === undefined ? 'localhost' : new URL(PUBLIC_URL).hostname;
  const [, name = '', address = ''] = /^(.*?)\s*<?([^\s<>]+)>?$/.exec(MAIL_FROM ?? `Mutirão <no-reply@${host}>`) ?? [];
  return { name, address };
}

/** The same however often one job is tried, so that a server which knows it may drop the second. */
export const messageIdOf = (id: string, { address }: Sender): string => `<${id}@${address.slice(address.lastIndexOf('@') + 1)}>`;
