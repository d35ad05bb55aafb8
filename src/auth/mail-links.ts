import { createHmac, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import { publicUrl, type Config } from '../config/config.js';
import { Keys, type Key } from '../config/keys.js';

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
  private readonly keys: readonly [Key, ...Key[]];
  private readonly base: string;

  constructor(keys: Keys, @Inject(CONFIG) config: Config) {
    this.keys = keys.for('mail link');
    this.base = publicUrl(config);
  }

  /** Behind the hash, which no browser sends along and no server logs. */
  make(use: LinkUse, userId: string, bound: string, now = Date.now()): string {
    const until = (Math.floor(now / 1_000) + SECONDS[use]).toString(36);
    const token = `${userId}.${until}.${proofOf(this.keys[0], use, userId, until, bound)}`;
    return new URL(`${PAGES[use]}#token=${token}`, this.base).href;
  }

  /** Whose it is, if it is one at all: what it is worth is told by `isGood`. */
  ownerOf(token: string): string | undefined {
    return WRITTEN.exec(token)?.[1];
  }

  isGood(use: LinkUse, token: string, bound: string, now = Date.now()): boolean {
    const [, userId = '', until = '', proof = ''] = WRITTEN.exec(token) ?? [];
    if (userId === '' || parseInt(until, 36) * 1_000 <= now) return false;
    return this.keys.some((key) => timingSafeEqual(Buffer.from(proofOf(key, use, userId, until, bound)), Buffer.from(proof)));
  }
}

const proofOf = ({ secret }: Key, use: LinkUse, userId: string, until: string, bound: string) =>
  createHmac('sha256', secret).update([use, userId, until, bound].join('\n')).digest('base64url');
