import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Keys, Proofs } from '../../config/keys.js';
import { Transactions } from '../../database/transactions.js';
import type { Caller } from '../../http/caller.js';
import { problemOf, refused } from '../../http/problem.js';
import { newId } from '../../kernel/ids.js';
import { limitEach } from '../../kernel/limit.js';
import { Refusal } from '../../kernel/problems.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import { Outbox } from '../../outbox/outbox.service.js';
import { Campaigns } from '../campaigns.service.js';
import { lookAtCharge } from '../payments/looks.queue.js';
import type { Payment, PaymentProvider } from '../payments/provider.js';
import { Providers } from '../payments/providers.service.js';
import { sandboxNotice, type Behaviour } from '../payments/sandbox.queue.js';
import { txidOf } from '../payments/txids.js';
import type { PledgeBody } from './donations.dto.js';
import { PledgesStore, type Pledge } from './pledges.store.js';

/** Somebody wants to give: who, for what, and the key that makes his tries one. */
export interface Wish {
  caller: Caller | undefined;
  /** By its id or its slug. */
  campaign: string;
  idempotencyKey: string | undefined;
  body: PledgeBody;
  /** How the sandbox is to behave. */
  behaviour?: Behaviour;
  /** For a refusal that is stored. */
  requestId: string;
  path: string;
}

export interface Answered {
  status: number;
  body: string;
  replayed: boolean;
}

const PAY_WITHIN_MS = 3_600_000;
/** To one campaign: where somebody holds it, those who give to it take half of the connections at most, and others find the rest. */
const MOST_AT_ONCE = 5;
const MOST_WAIT_MS = 2_000;
const KEY = /^[\x21-\x7e]{1,255}$/;

const digest = (...parts: string[]): Buffer => createHash('sha256').update(parts.join('\n')).digest();

/** Takes each wish to give once, however often it is sent. */
@Injectable()
export class Pledges {
  private readonly proofs: Proofs;
  private readonly inTurn = limitEach(MOST_AT_ONCE, { ms: MOST_WAIT_MS, refusal: tooMany });

  constructor(
    private readonly store: PledgesStore,
    private readonly campaigns: Campaigns,
    private readonly providers: Providers,
    private readonly transactions: Transactions,
    private readonly outbox: Outbox,
    keys: Keys,
    @Inject(LOG) private readonly log: Log,
  ) {
    this.proofs = new Proofs(keys.for('donation'));
  }

  /** By which whoever gave, and nobody else, sees the gift. */
  tokenOf(donationId: string): string {
    return this.proofs.of(donationId);
  }

  isDonors(donationId: string, statusToken: string): boolean {
    return this.proofs.isOurs(statusToken, donationId);
  }

  async give(wish: Wish): Promise<Answered> {
    const { caller, body } = wish;
    const giver = caller?.id ?? body.donor?.email;
    if (giver === undefined) throw new Refusal('unauthenticated', 'Sign in, or say in `donor` who you are.');
    const ownKey = keyIn(wish);
    const provider = this.providers.for(body.method);
    if (!provider) throw unserved(this.providers.methods);
    const campaignId = await this.campaigns.idOf(wish.campaign);
    const key = digest(giver, campaignId, ownKey);
    const pledge = this.pledgeOf(wish, campaignId, key, provider);
    if (await this.add(pledge, wish.behaviour)) {
      if (pledge.body !== null) return { status: 201, body: pledge.body, replayed: false };
      return this.charge(key, pledge, provider, false);
    }
    return (await this.again(wish, pledge)) ?? this.refuse(wish, pledge);
  }

  private pledgeOf({ caller, body }: Wish, campaignId: string, key: Buffer, provider: PaymentProvider): Pledge {
    const { donor } = body;
    const id = newId();
    const expiresAt = new Date(Date.now() + PAY_WITHIN_MS);
    const payment = provider.chargeHere?.(chargeOf({ id, expiresAt, ...body }));
    return {
      id,
      campaignId,
      userId: caller?.id ?? null,
      donorKey:
        caller?.id ??
        digest('donor', donor?.email ?? '')
          .toString('hex')
          .slice(0, 32),
      name: caller ? null : (donor?.name ?? null),
      email: caller ? null : (donor?.email ?? null),
      phone: caller ? null : (donor?.phone ?? null),
      messagingConsent: donor?.messagingConsent ?? false,
      anonymous: body.anonymous,
      message: body.message || null,
      amountCents: body.amountCents,
      provider: provider.name,
      method: body.method,
      expiresAt,
      key,
      question: digest(JSON.stringify(body)),
      payment: payment ? JSON.stringify(payment) : null,
      body: payment ? this.answerOf(id, body.amountCents, payment) : null,
    };
  }

  /** The picture of a Pix code is put in when it is sent: it is made of the code, and large. */
  private answerOf(id: string, amountCents: number, payment: Payment): string {
    return JSON.stringify({ id, status: 'pending', amountCents, currency: 'BRL', payment, statusToken: this.tokenOf(id) });
  }

  private add(pledge: Pledge, behaviour?: Behaviour): Promise<boolean> {
    return this.inTurn(pledge.campaignId, () => this.addNow(pledge, behaviour));
  }

  private addNow(pledge: Pledge, behaviour: Behaviour = 'pay'): Promise<boolean> {
    if (pledge.provider !== 'sandbox' || behaviour === 'never') return this.store.add(pledge);
    return this.transactions.run(async (tx) => {
      const added = await this.store.addWith(tx, pledge);
      const notice = { donationId: pledge.id, amountCents: pledge.amountCents, behaviour };
      const runAt = behaviour === 'late' ? new Date(Date.now() + LATE_MS) : undefined;
      if (added) this.outbox.add(tx, sandboxNotice, notice, { priority: 'high', runAt });
      return added;
    });
  }

  /** What its first try was answered; or its work, where nobody does it any more. */
  private async again(wish: Wish, { campaignId, key, question, provider: present }: Pledge): Promise<Answered | undefined> {
    const stored = await this.store.find(key);
    if (!stored) return undefined;
    if (!stored.question.equals(question)) throw new Refusal('idempotency_key_reused');
    if (stored.status !== null && stored.body !== null) return { status: stored.status, body: stored.body, replayed: true };
    const taken = stored.busy ? undefined : await this.store.takeOver(key, new Date(Date.now() + PAY_WITHIN_MS));
    // Who was to take it may take nothing here any more; nobody has seen a code of his.
    const provider = taken && (this.providers.named(taken.provider) ?? this.providers.named(present));
    if (provider) return this.charge(key, taken, provider, true);
    const { status } = await this.campaigns.seenBy(wish.caller, campaignId);
    if (status !== 'active') throw new Refusal('campaign_not_open', `The campaign is ${status}.`);
    throw new Refusal('idempotency_in_progress');
  }

  /** The provider is asked outside of any transaction, and knows by the id that it is asked again. */
  private async charge(
    key: Buffer,
    pledge: Pick<Pledge, 'id' | 'amountCents' | 'method' | 'expiresAt'>,
    provider: PaymentProvider,
    replayed: boolean,
  ): Promise<Answered> {
    try {
      const payment = await provider.charge(chargeOf(pledge), AbortSignal.timeout(CHARGE_MS));
      const body = this.answerOf(pledge.id, pledge.amountCents, payment);
      await this.transactions.run(async (tx) => {
        await this.store.answer(tx, key, pledge.id, { provider: provider.name, payment: JSON.stringify(payment), body });
        // Where the provider's word is lost, the donor is not left to wait for long.
        const runAt = new Date(Date.now() + LOOK_AFTER_MS);
        if (!provider.chargeHere) this.outbox.add(tx, lookAtCharge, { donationId: pledge.id }, { priority: 'low', runAt });
      });
      return { status: 201, body, replayed };
    } catch (fault) {
      await this.store.giveUp(key).catch((err: unknown) => this.log.warn({ err }, 'a pledge waits for the end of its lease'));
      throw fault;
    }
  }

  /** There is no such campaign for this caller, or it takes no gifts: that stays so for this key. */
  private async refuse(wish: Wish, pledge: Pledge): Promise<Answered> {
    const { campaignId, key, question } = pledge;
    const { caller, requestId, path } = wish;
    const { status } = await this.campaigns.seenBy(caller, campaignId);
    // It was opened at this very moment: the next try will find it so.
    if (status === 'active') throw new Refusal('campaign_not_open');
    const why = refused('campaign_not_open', `The campaign is ${status}.`);
    const body = JSON.stringify(problemOf(why, requestId, path));
    if (await this.store.refuse(key, question, why.status, body)) return { status: why.status, body, replayed: false };
    const answered = await this.again(wish, pledge);
    if (!answered) throw new Refusal('campaign_not_open');
    return answered;
  }
}

const tooMany = () => new Refusal('overloaded', 'Too many give to this campaign at this moment. Try again in a moment.');

const CHARGE_MS = 4_000;
/** Of a payment by the sandbox that is to be late. */
const LATE_MS = 10_000;
const LOOK_AFTER_MS = 120_000;
const TITLE = 'Doação';

const chargeOf = ({ id, method, amountCents, expiresAt }: Pick<Pledge, 'id' | 'amountCents' | 'expiresAt'> & { method: string }) => ({
  txid: txidOf(id),
  method: method as Payment['method'],
  amountCents,
  expiresAt,
  title: TITLE,
});

function keyIn({ idempotencyKey }: Wish): string {
  if (idempotencyKey === undefined) throw new Refusal('idempotency_key_required');
  if (!KEY.test(idempotencyKey)) throw new Refusal('idempotency_key_invalid');
  return idempotencyKey;
}

function unserved(methods: readonly string[]): Refusal {
  const message = methods.length > 0 ? `is not served here: use ${methods.join(' or ')}` : 'is not served here, nor any other';
  return new Refusal('validation_failed', '1 field is not valid', [{ path: 'method', message }]);
}
