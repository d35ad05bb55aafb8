import { Injectable } from '@nestjs/common';
import { HandlesJob, type JobRun } from '../../outbox/handlers.js';
import { lookAtCharge } from './looks.queue.js';
import { Payments } from './payments.service.js';
import { PaymentsStore } from './payments.store.js';
import { Providers } from './providers.service.js';
import { txidOf } from './txids.js';

@Injectable()
export class Looks {
  constructor(
    private readonly store: PaymentsStore,
    private readonly payments: Payments,
    private readonly providers: Providers,
  ) {}

  @HandlesJob(lookAtCharge)
  async look({ donationId, told: isNews }: { donationId: string; told?: true }, run: JobRun): Promise<void> {
    const name = await this.store.providerOf(donationId, isNews === true);
    const provider = name && this.providers.named(name);
    if (!provider) return;
    const outcome = await provider.look(txidOf(donationId), run.signal);
    const told = { provider: provider.name, donationId };
    if (outcome.status === 'paid') {
      const { amountCents, reference, returnedCents = 0 } = outcome;
      await this.payments.take({ ...told, eventId: `paid:${reference}`, kind: 'paid', amountCents, reference });
      const returned = { ...told, eventId: `returned:${reference}:${returnedCents}`, amountCents: returnedCents, reference };
      if (returnedCents > 0) await this.payments.take({ ...returned, kind: 'refunded' });
    } else if (outcome.status === 'failed') await this.payments.take({ ...told, eventId: `removed:${donationId}`, kind: 'failed' });
  }
}
