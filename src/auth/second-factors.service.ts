import { createHmac, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Keys, type Key } from '../config/keys.js';
import { Transactions, type Tx } from '../database/transactions.js';
import { Refusal } from '../kernel/problems.js';
import { Audit } from '../users/audit.service.js';
import { Users } from '../users/users.service.js';
import { base32, otpauthUrl, stepOf } from './one-time-code.js';
import { seal, unseal } from './sealing.js';
import { SecondFactorsStore } from './second-factors.store.js';

const SECRET_BYTES = 20;
const RECOVERY_CODES = 10;
const RECOVERY_BYTES = 10;

export interface Proposal {
  secret: string;
  otpauthUrl: string;
  recoveryCodes: string[];
}

/** A second proof at sign-in: codes of an app, or recovery codes that are good once each. */
@Injectable()
export class SecondFactors {
  private readonly sealing: readonly [Key, ...Key[]];
  private readonly recovering: readonly [Key, ...Key[]];

  constructor(
    private readonly store: SecondFactorsStore,
    private readonly users: Users,
    private readonly transactions: Transactions,
    private readonly audit: Audit,
    keys: Keys,
  ) {
    this.sealing = keys.for('second factor');
    this.recovering = keys.for('recovery code');
  }

  async isOn(userId: string): Promise<boolean> {
    return (await this.store.of(userId))?.confirmedAt instanceof Date;
  }

  /** Nothing is asked for yet: it begins when the person has shown that the app works. */
  async propose(userId: string): Promise<Proposal> {
    const { email } = await this.users.byId(userId);
    const secret = randomBytes(SECRET_BYTES);
    const recoveryCodes = Array.from({ length: RECOVERY_CODES }, newRecoveryCode);
    const digests = recoveryCodes.map((code) => recoveryDigest(this.recovering[0], userId, code));
    if (!(await this.store.propose(userId, seal(this.sealing[0], userId, secret), digests)))
      throw new Refusal('conflict', 'Two-factor is on already. Disable it first.');
    return { secret: base32(secret), otpauthUrl: otpauthUrl(email ?? userId, secret), recoveryCodes };
  }

  async confirm(userId: string, code: string): Promise<void> {
    const proposed = await this.store.of(userId);
    if (!proposed || proposed.confirmedAt) throw new Refusal('conflict', 'There is nothing to confirm. Enable it first.');
    const step = stepOf(unseal(this.sealing, userId, proposed.secret), code);
    if (step === undefined) throw new Refusal('otp_invalid');
    await this.transactions.run(async (tx) => {
      if (!(await this.store.confirm(tx, userId, proposed.secret, step))) throw new Refusal('conflict', 'It was confirmed or begun anew.');
      await this.audit.note(tx, 'second_factor_on', { actorId: userId, subjectId: userId });
    });
  }

  async disable(userId: string, code: string): Promise<void> {
    if (!(await this.isOn(userId))) throw new Refusal('conflict', 'Two-factor is not on.');
    await this.transactions.run(async (tx) => {
      if (!(await this.use(tx, userId, code))) throw new Refusal('otp_invalid');
      await this.store.remove(tx, userId);
      await this.audit.note(tx, 'second_factor_off', { actorId: userId, subjectId: userId });
    });
  }

  /** Uses a code up, with whatever else commits in this transaction. */
  async use(tx: Tx, userId: string, code: string): Promise<boolean> {
    const factor = await this.store.of(userId, tx);
    if (!factor) return false;
    const plain = code.toLowerCase().replaceAll(/[\s-]/g, '');
    for (const key of this.recovering) if (await this.store.useRecovery(tx, userId, recoveryDigest(key, userId, plain))) return true;
    const secret = unseal(this.sealing, userId, factor.secret);
    const step = stepOf(secret, plain);
    // Sealed anew, so that it outlives the next change of keys, too.
    return step !== undefined && this.store.useStep(tx, userId, step, seal(this.sealing[0], userId, secret));
  }
}

const newRecoveryCode = () =>
  base32(randomBytes(RECOVERY_BYTES))
    .toLowerCase()
    .replace(/^(.{8})(.{8})$/, '$1-$2');

/** With our key: who has read the table alone cannot try them out. */
const recoveryDigest = ({ secret }: Key, userId: string, code: string) =>
  createHmac('sha256', secret)
    .update(`${userId} ${code.replaceAll('-', '')}`)
    .digest();
