import { Injectable } from '@nestjs/common';
import { Transactions } from '../../database/transactions.js';
import type { Caller } from '../../http/caller.js';
import { newId } from '../../kernel/ids.js';
import { Refusal } from '../../kernel/problems.js';
import { HandlesJob, type JobRun } from '../../outbox/handlers.js';
import { Outbox } from '../../outbox/outbox.service.js';
import { Payments } from '../payments/payments.service.js';
import { Providers } from '../payments/providers.service.js';
import { txidOf } from '../payments/txids.js';
import { isHisOwn } from '../campaigns.service.js';
import { DonationsStore, type DonationView } from './donations.store.js';
import { giveBack } from './refunds.queue.js';
import { RefundsStore } from './refunds.store.js';

/** Gives the whole amount back, once, whatever the race. */
@Injectable()
export class Refunds {
  constructor(
    private readonly store: RefundsStore,
    private readonly donations: DonationsStore,
    private readonly payments: Payments,
    private readonly providers: Providers,
    private readonly transactions: Transactions,
    private readonly outbox: Outbox,
  ) {}

  async begin(caller: Caller, donationId: string, reason: string): Promise<DonationView> {
    const gift = await this.donations.find(donationId);
    if (!gift || !isHisOwn({ ownerId: gift.campaignOwnerId }, caller)) throw new Refusal('not_found', 'There is no such gift.');
    const refundId = newId();
    await this.transactions.run(async (tx) => {
      if (!(await this.store.begin(tx, { id: refundId, donationId, reason, requestedBy: caller.id })))
        throw new Refusal('conflict', whyNot(gift));
      this.outbox.add(tx, giveBack, { donationId, refundId });
    });
    return (await this.donations.find(donationId)) ?? gift;
  }

  /** The provider knows by the refund's id that it is asked again. */
  @HandlesJob(giveBack)
  async giveBack({ donationId, refundId }: { donationId: string; refundId: string }, run: JobRun): Promise<void> {
    const order = await this.store.order(refundId);
    if (!order) return;
    const { provider, amountCents, reference } = order;
    const desk = this.providers.named(provider);
    if (!desk) throw new Error(`${provider} takes no money here any more`);
    const outcome = await desk.refund(
      { id: txidOf(refundId), txid: txidOf(donationId), amountCents, reference: reference ?? '' },
      run.signal,
    );
    if (outcome === 'pending') throw new Error('the provider has not given it back yet');
    await this.payments.take({
      provider,
      eventId: `refund:${refundId}`,
      donationId,
      kind: outcome === 'done' ? 'refunded' : 'refund_failed',
    });
  }
}

const whyNot = ({ status, refundStatus }: DonationView): string =>
  status !== 'confirmed'
    ? `The gift is ${status}.`
    : refundStatus === null
      ? 'The gift was changed meanwhile.'
      : 'It is being given back already.';
