import { createHmac, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Keys, type Key } from '../config/keys.js';
import { Transactions, type Tx } from '../database/transactions.js';
import type { Caller } from '../http/caller.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { Refusal } from '../kernel/problems.js';
import { Audit } from '../users/audit.service.js';
import { Users } from '../users/users.service.js';
import { base32, otpauthUrl, stepOf } from './one-time-code.js';
import type { SecondFactor } from './second-factor.entity.js';
import { Sessions } from './sessions.service.js';
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

  constructor(
    private readonly store: SecondFactorsStore,
    private readonly users: Users,
    private readonly transactions: Transactions,
    private readonly audit: Audit,
    private readonly sessions: Sessions,
    @Inject(LOG) private readonly log: Log,
    keys: Keys,
  ) {
    this.sealing = keys.for('second factor');
  }

  isOn(userId: string, tx?: Tx): Promise<boolean> {
    return this.store.isOn(userId, tx);
  }

  /** Nothing is asked for yet: it begins when the person has shown that the app works. */
  async propose(caller: Caller): Promise<Proposal> {
    const { id: userId } = caller;
    const { email } = await this.users.byId(userId);
    const secret = randomBytes(SECRET_BYTES);
    const recoveryCodes = Array.from({ length: RECOVERY_CODES }, newRecoveryCode);
    const digests = recoveryCodes.map((code) => recoveryDigest(secret, code));
    await this.transactions.run(async (tx) => {
      await this.sessions.proveOpen(tx, caller);
      if (!(await this.store.propose(tx, userId, seal(this.sealing[0], userId, secret), digests)))
        throw new Refusal('conflict', 'Two-factor is on already. Disable it first.');
    });
    return { secret: base32(secret), otpauthUrl: otpauthUrl(email ?? userId, secret), recoveryCodes };
  }

  async confirm(caller: Caller, code: string): Promise<void> {
    const { id: userId } = caller;
    const proposed = await this.store.of(userId);
    const secret = proposed && this.open(proposed);
    if (!secret || proposed.confirmedAt) throw new Refusal('conflict', 'There is nothing to confirm. Enable it first.');
    const step = stepOf(secret, code);
    if (step === undefined) throw new Refusal('otp_invalid');
    await this.transactions.run(async (tx) => {
      await this.sessions.proveOpen(tx, caller);
      if (!(await this.store.confirm(tx, userId, proposed.secret, step))) throw new Refusal('conflict', 'It was confirmed or begun anew.');
      await this.audit.note(tx, 'second_factor_on', { actorId: userId, subjectId: userId });
    });
  }

  async disable(caller: Caller, code: string): Promise<void> {
    const { id: userId } = caller;
    if (!(await this.isOn(userId))) throw new Refusal('conflict', 'Two-factor is not on.');
    await this.transactions.run(async (tx) => {
      await this.sessions.proveOpen(tx, caller);
      if (!(await this.use(tx, userId, code))) throw new Refusal('otp_invalid');
      await this.store.remove(tx, userId);
      await this.audit.note(tx, 'second_factor_off', { actorId: userId, subjectId: userId });
    });
  }

  /** Uses a code up, with whatever else commits in this transaction. */
  async use(tx: Tx, userId: string, code: string): Promise<boolean> {
    const factor = await this.store.of(userId, tx);
    const secret = factor && this.open(factor);
    if (!secret) return false;
    const plain = code.toLowerCase().replaceAll(/[\s-]/g, '');
    // Sealed anew, so that it outlives the next change of keys, too.
    const sealed = seal(this.sealing[0], userId, secret);
    const step = stepOf(secret, plain);
    if (step !== undefined) return this.store.useStep(tx, userId, step, sealed);
    return this.store.useRecovery(tx, userId, recoveryDigest(secret, plain), sealed);
  }

  /** Nothing where the key it was sealed with is gone: then no code is right any more, and somebody must know. */
  private open({ userId, secret }: SecondFactor): Buffer | undefined {
    const opened = unseal(this.sealing, userId, secret);
    if (!opened) this.log.error({ userId }, 'a second factor was sealed with a key that is neither SECRET_KEY nor SECRET_KEY_PREVIOUS');
    return opened;
  }
}

const newRecoveryCode = () =>
  base32(randomBytes(RECOVERY_BYTES))
    .toLowerCase()
    .replace(/^(.{8})(.{8})$/, '$1-$2');

/** With what is sealed: who has read the table alone cannot try them out, and they outlive a change of keys with it. */
const recoveryDigest = (secret: Buffer, code: string) => createHmac('sha256', secret).update(code.replaceAll('-', '')).digest();
