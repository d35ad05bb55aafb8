import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import { publicUrl, type Config } from '../config/config.js';
import { Keys, Proofs } from '../config/keys.js';

const WRITTEN = /^([\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12})\.([\da-z]{1,9})\.([\w-]{43})$/;
const SECONDS = { verify: 7 * 86_400, reset: 3_600 };
const PAGES = { verify: 'verify-email', reset: 'reset-password' };

export type LinkUse = keyof typeof SECONDS;

/**
 * Links in mails prove themselves: nothing of them is stored. What they are bound to is a part of the proof,
 * so that one to a new password is good for nothing as soon as there is a new password.
 */
@Injectable()
export class MailLinks {
  private readonly proofs: Proofs;
  private readonly base: string;

  constructor(keys: Keys, @Inject(CONFIG) config: Config) {
    this.proofs = new Proofs(keys.for('mail link'));
    this.base = publicUrl(config);
  }

  /** Behind the hash, which no browser sends along and no server logs. */
  make(use: LinkUse, userId: string, bound: string, now = Date.now()): string {
    const until = (Math.floor(now / 1_000) + SECONDS[use]).toString(36);
    const token = `${userId}.${until}.${this.proofs.of(wordsOf(use, userId, until, bound))}`;
    return new URL(`${PAGES[use]}#token=${token}`, this.base).href;
  }

  /** Whose it is, if it is one at all: what it is worth is told by `isGood`. */
  ownerOf(token: string): string | undefined {
    return WRITTEN.exec(token)?.[1];
  }

  isGood(use: LinkUse, token: string, bound: string, now = Date.now()): boolean {
    const [, userId = '', until = '', proof = ''] = WRITTEN.exec(token) ?? [];
    if (userId === '' || parseInt(until, 36) * 1_000 <= now) return false;
    return this.proofs.isOurs(proof, wordsOf(use, userId, until, bound));
  }
}

const wordsOf = (use: LinkUse, ...rest: string[]) => [use, ...rest].join('\n');
