import { Injectable } from '@nestjs/common';
import { Transactions, type Tx } from '../database/transactions.js';
import { Cache } from '../http/cache/cache.service.js';
import { Refusal } from '../kernel/problems.js';
import { Outbox } from '../outbox/outbox.service.js';
import { Audit } from '../users/audit.service.js';
import { isCommonPassword } from '../users/common-passwords.js';
import { Hashing } from '../users/hashing.js';
import { personTag, Users } from '../users/users.service.js';
import { ApiKeysStore } from './api-keys.store.js';
import { boundToPassword, resetPassword } from './letters.jobs.js';
import { MailLinks } from './mail-links.js';
import { SecondFactorsStore } from './second-factors.store.js';
import { SignInStore } from './sign-in.store.js';
import { SessionsStore } from './sessions.store.js';

/** Refuses what anyone would try first. */
export async function proveUncommon(password: string, email: string, name = ''): Promise<void> {
  const own = [email, email.split('@')[0] ?? '', name, ...name.split(' ')];
  if (!(await isCommonPassword(password, own))) return;
  throw new Refusal('validation_failed', '1 field is not valid', [
    { path: 'password', message: 'is among the first that anyone would try: take a longer one of your own' },
  ]);
}

/** What comes by mail: a new password, and the proof that an address is one's own. */
@Injectable()
export class Passwords {
  constructor(
    private readonly users: Users,
    private readonly hashing: Hashing,
    private readonly sessions: SessionsStore,
    private readonly signIns: SignInStore,
    private readonly keys: ApiKeysStore,
    private readonly second: SecondFactorsStore,
    private readonly links: MailLinks,
    private readonly outbox: Outbox,
    private readonly transactions: Transactions,
    private readonly cache: Cache,
    private readonly audit: Audit,
  ) {}

  /** The same work for every address: whether anyone has it is found out by the job. */
  forgot(email: string): Promise<void> {
    return this.transactions.run(async (tx) => void this.outbox.add(tx, resetPassword, { email }));
  }

  async reset(token: string, password: string): Promise<void> {
    const userId = this.links.ownerOf(token);
    const person = userId === undefined ? null : await this.users.secretsOf(userId);
    if (!userId || !person?.email || !this.links.isGood('reset', token, boundToPassword(person.email, person.passwordHash)))
      throw new Refusal('link_invalid');
    const { email, passwordHash, name } = person;
    await proveUncommon(password, email, name);
    const made = await this.hashing.forOne(() => this.hashing.make(password));
    await this.transactions.run(async (tx) => {
      if (!(await this.users.replaceHash(tx, userId, passwordHash, made))) throw new Refusal('link_invalid');
      await this.sessions.end(tx, userId, 'password_reset');
      if (!person.isVerified) await this.takeBack(tx, userId);
      await this.audit.note(tx, 'password_reset', { subjectId: userId });
      this.cache.drop(tx, [personTag(userId)]);
      this.signIns.forget(tx, email);
    });
  }

  /** Until now nobody had shown that the address is his: what was made by it before may be another's. */
  private async takeBack(tx: Tx, userId: string): Promise<void> {
    await this.keys.remove(tx, userId);
    await this.second.remove(tx, userId);
  }

  async verifyEmail(token: string): Promise<void> {
    const userId = this.links.ownerOf(token);
    const person = userId === undefined ? null : await this.users.findById(userId);
    if (!person?.email || !this.links.isGood('verify', token, person.email)) throw new Refusal('link_invalid');
    if (!person.emailVerifiedAt) await this.users.verified(person.id);
  }
}
