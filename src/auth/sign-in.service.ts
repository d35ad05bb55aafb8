import { Injectable } from '@nestjs/common';
import { Transactions } from '../database/transactions.js';
import { Refusal } from '../kernel/problems.js';
import { Outbox } from '../outbox/outbox.service.js';
import { Hashing } from '../users/hashing.js';
import { Users } from '../users/users.service.js';
import type { LoginBody, RegisterBody } from './auth.dto.js';
import { FailuresStore } from './failures.store.js';
import { verifyEmail } from './letters.jobs.js';
import { proveUncommon } from './passwords.service.js';
import { SecondFactors } from './second-factors.service.js';
import { Sessions, type Device, type SessionAnswer } from './sessions.service.js';

/** Nobody hears from a refusal whether the address is known here. */
const wrong = () => new Refusal('invalid_credentials');

@Injectable()
export class SignIn {
  constructor(
    private readonly users: Users,
    private readonly hashing: Hashing,
    private readonly failures: FailuresStore,
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
    const session = await this.transactions.run(async (tx) => {
      const id = await this.users.add(tx, { ...person, passwordHash });
      this.outbox.add(tx, verifyEmail, { userId: id });
      return this.sessions.open(tx, id, device);
    });
    return session.answer();
  }

  /** Every way to fail takes as long and says as much as a wrong password. */
  async login({ email, password, otp }: LoginBody, device: Device, mayTry: (waitSeconds: number) => void): Promise<SessionAnswer> {
    mayTry(await this.failures.waitSeconds(email));
    const found = await this.users.credentials(email);
    const fits = await this.hashing.check(found?.passwordHash, password);
    if (!found || !fits || found.disabled) {
      await this.failures.add(email);
      throw wrong();
    }
    const { id, passwordHash } = found;
    const needsSecond = await this.second.isOn(id);
    if (needsSecond && otp === undefined) throw new Refusal('otp_required');
    const session = await this.transactions.run(async (tx) => {
      const isProved = !needsSecond || (otp !== undefined && (await this.second.use(tx, id, otp)));
      return isProved ? this.sessions.open(tx, id, device) : undefined;
    });
    if (!session) {
      await this.failures.add(email);
      throw new Refusal('otp_invalid');
    }
    await this.failures.forget(email);
    if (passwordHash !== null && this.hashing.isOutdated(passwordHash))
      await this.users.keepHash(id, passwordHash, await this.hashing.make(password));
    return session.answer();
  }
}
