import { Inject, Injectable } from '@nestjs/common';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import { PaymentsStore, type PaymentEvent, type Standing } from './payments.store.js';

/** What providers tell takes effect once, however often and in whatever order it comes. */
@Injectable()
export class Payments {
  constructor(
    private readonly store: PaymentsStore,
    @Inject(LOG) private readonly log: Log,
  ) {}

  async take(event: PaymentEvent): Promise<void> {
    this.tell(event, await this.store.apply(event));
  }

  /** Whether there may be more. */
  async takeEarly(most: number): Promise<boolean> {
    const early = await this.store.early(most);
    for (const event of early) this.tell(event, await this.store.applyEarly(event));
    return early.length === most;
  }

  private tell({ provider, eventId, donationId, amountCents }: PaymentEvent, standing: Standing): void {
    if (standing === 'held')
      this.log.warn(
        { provider, eventId, donationId, paidCents: amountCents },
        'a payment is held for an admin: it is not the one that was asked for',
      );
  }
}
