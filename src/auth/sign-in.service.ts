import { Injectable } from '@nestjs/common';
import { Transactions } from '../database/transactions.js';
import { Refusal } from '../kernel/problems.js';
import { Outbox } from '../outbox/outbox.service.js';
import { Hashing } from '../users/hashing.js';
import { asEveryoneBegins, Users } from '../users/users.service.js';
import type { LoginBody, RegisterBody } from './auth.dto.js';
import { verifyEmail } from './letters.jobs.js';
import { proveUncommon } from './passwords.service.js';
import { SecondFactors } from './second-factors.service.js';
import { SignInStore, type Known } from './sign-in.store.js';
import { Sessions, type Device, type SessionAnswer } from './sessions.service.js';

@Injectable()
export class SignIn {
  constructor(
    private readonly users: Users,
    private readonly hashing: Hashing,
    private readonly store: SignInStore,
    private readonly sessions: Sessions,
    private readonly second: SecondFactors,
    private readonly transactions: Transactions,
    private readonly outbox: Outbox,
  ) {}

  async register({ password, ...person }: RegisterBody, device: Device): Promise<SessionAnswer> {
    await proveUncommon(password, person.email, person.name);
    // Known before the work of hashing; the insert decides where two come at once.
    if (await this.users.credentials(person.email)) throw new Refusal('email_taken');
    const passwordHash = await this.hashing.make(password);
    return this.transactions.run(async (tx) => {
      const id = await this.users.add(tx, { ...person, passwordHash });
      this.outbox.add(tx, verifyEmail, { userId: id });
      return this.sessions.open(tx, { id, email: person.email, name: person.name, ...asEveryoneBegins }, device);
    });
  }

  /** Every way to fail takes as long and says as much as a wrong password. */
  async login({ email, password, otp }: LoginBody, device: Device, mayTry: (waitSeconds: number) => void): Promise<SessionAnswer> {
    const known = await this.store.look(email);
    mayTry(known.waitSeconds);
    const fits = await this.hashing.check(known.id === null ? null : known.passwordHash, password);
    if (known.id === null || known.disabled || !fits) return this.fail(email, new Refusal('invalid_credentials'));
    const session = await this.transactions.run(async (tx) => {
      // The second is answered after the first has waited for whoever changes the person, and sees what he did.
      const [holds, asksForCode] = await Promise.all([this.store.stillHolds(tx, known), this.second.isOn(known.id, tx)]);
      if (!holds) throw new Refusal('invalid_credentials');
      if (asksForCode) {
        if (otp === undefined) throw new Refusal('otp_required');
        if (!(await this.second.use(tx, known.id, otp))) return undefined;
      }
      if (known.hasFailed) this.store.forget(tx, email);
      return this.sessions.open(tx, known, device);
    });
    if (!session) return this.fail(email, new Refusal('otp_invalid'));
    await this.renewHash(known, password);
    return session;
  }

  private async fail(email: string, refusal: Refusal): Promise<never> {
    await this.store.failed(email);
    throw refusal;
  }

  private async renewHash({ id, passwordHash }: Known, password: string): Promise<void> {
    if (passwordHash !== null && this.hashing.isOutdated(passwordHash))
      await this.users.keepHash(id, passwordHash, await this.hashing.make(password));
  }
}
