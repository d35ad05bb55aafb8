import { createSecretKey, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { Keys, proofBy } from '../../config/keys.js';
import { brCodeOf } from './br-code.js';
import type { Charge, Outcome, Payment, PaymentProvider, RefundOutcome } from './provider.js';

/** Where nobody can ever pay by accident. */
const LOCATION = 'pix.sandbox.invalid/v2';
/** Older notices are not believed, so that nobody can tell them again. */
const TOLERANCE_SECONDS = 300;

const signature = /^t=(\d{1,12}),v1=([\da-f]{64})$/;

/** A provider for machines that have none: it pays by itself, and tells so as a real one would. */
@Injectable()
export class SandboxProvider implements PaymentProvider {
  readonly name = 'sandbox';
  readonly methods = ['pix', 'card'] as const;
  private readonly secret: KeyObject;

  constructor(@Inject(CONFIG) { SANDBOX_WEBHOOK_SECRET }: Config, keys: Keys) {
    this.secret = createSecretKey(Buffer.from(SANDBOX_WEBHOOK_SECRET ?? proofBy(keys.for('sandbox')[0])));
  }

  chargeHere({ txid, method, amountCents, expiresAt }: Charge): Payment {
    const until = expiresAt.toISOString();
    if (method === 'card') return { method, clientSecret: `sandbox_${txid}`, expiresAt: until };
    const location = `${LOCATION}/${txid}`;
    return { method, brCode: brCodeOf({ location, receiver: 'MUTIRAO', city: 'SAO PAULO', amountCents }), txid, expiresAt: until };
  }

  async charge(charge: Charge): Promise<Payment> {
    return this.chargeHere(charge);
  }

  /** It tells by itself, and knows no more. */
  async look(): Promise<Outcome> {
    return { status: 'waiting' };
  }

  async refund(): Promise<RefundOutcome> {
    return 'done';
  }

  sign(body: string, at = Date.now()): string {
    const seconds = Math.floor(at / 1_000);
    return `t=${seconds},v1=${this.proof(seconds, body)}`;
  }

  isOurs(body: Buffer, given: string | undefined, now = Date.now()): boolean {
    const [, seconds = '', proof = ''] = signature.exec(given ?? '') ?? [];
    if (proof === '' || Math.abs(now / 1_000 - Number(seconds)) > TOLERANCE_SECONDS) return false;
    return timingSafeEqual(Buffer.from(proof), Buffer.from(this.proof(Number(seconds), body)));
  }

  private proof(seconds: number, body: string | Buffer): string {
    return createHmac('sha256', this.secret).update(`${seconds}.`).update(body).digest('hex');
  }
}
