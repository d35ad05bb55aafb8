import { Injectable } from '@nestjs/common';
import { Transactions } from '../database/transactions.js';
import { Refusal } from '../kernel/problems.js';
import { isCommonPassword } from '../users/common-passwords.js';
import { Hashing } from '../users/hashing.js';
import { Users } from '../users/users.service.js';
import type { LoginBody, RegisterBody } from './auth.dto.js';
import { FailuresStore } from './failures.store.js';
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
    private readonly transactions: Transactions,
  ) {}

  async register({ password, ...person }: RegisterBody, device: Device): Promise<SessionAnswer> {
    const own = [person.email, person.email.split('@')[0] ?? '', person.name, ...person.name.split(' ')];
    if (await isCommonPassword(password, own))
      throw new Refusal('validation_failed', '1 field is not valid', [
        { path: 'password', message: 'is among the first that anyone would try: take a longer one of your own' },
      ]);
    // Known before the work of hashing; the insert decides where two come at once.
    if (await this.users.credentials(person.email)) throw new Refusal('email_taken');
    const passwordHash = await this.hashing.make(password);
    const session = await this.transactions.run(async (tx) => {
      const id = await this.users.add(tx, { ...person, passwordHash });
      return this.sessions.open(tx, id, device);
    });
    return session.answer();
  }

  /** Every way to fail takes as long and says as much as a wrong password. */
  async login({ email, password }: LoginBody, device: Device, mayTry: (waitSeconds: number) => void): Promise<SessionAnswer> {
    mayTry(await this.failures.waitSeconds(email));
    const found = await this.users.credentials(email);
    const fits = await this.hashing.check(found?.passwordHash, password);
    if (!found || !fits || found.disabled) {
      await this.failures.add(email);
      throw wrong();
    }
    await this.failures.forget(email);
    const { passwordHash } = found;
    if (passwordHash !== null && this.hashing.isOutdated(passwordHash))
      await this.users.keepHash(found.id, passwordHash, await this.hashing.make(password));
    const session = await this.transactions.run((tx) => this.sessions.open(tx, found.id, device));
    return session.answer();
  }
}
