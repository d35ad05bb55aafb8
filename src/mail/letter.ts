import type { Config } from '../config/config.js';
import { normalEmail } from '../kernel/email.js';

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

/** Nothing that a mail program could read as a list, a group, a name or a line more. */
export const isOneAddress = (text: string): boolean => normalEmail(text) === text.toLowerCase();

export function senderOf({ MAIL_FROM, PUBLIC_URL }: Pick<Config, 'MAIL_FROM' | 'PUBLIC_URL'>): Sender {
  const host = PUBLIC_URL === undefined ? 'localhost' : new URL(PUBLIC_URL).hostname;
  const [, name = '', address = ''] = /^(.*?)\s*<?([^\s<>]+)>?$/.exec(MAIL_FROM ?? `Mutirão <no-reply@${host}>`) ?? [];
  return { name, address };
}

/** The same however often one job is tried, so that a server which knows it may drop the second. */
export const messageIdOf = (id: string, { address }: Sender): string => `<${id}@${address.slice(address.lastIndexOf('@') + 1)}>`;
