import { defineJob } from '../../outbox/contracts.js';
import { paymentsQueue } from '../payments/looks.queue.js';

/** Providers take days for some; then it is asked about once an hour. */
export const giveBack = defineJob<{ donationId: string; refundId: string }>({
  queue: paymentsQueue,
  name: 'payments.give-back',
  attempts: 200,
  backoff: { firstMs: 1_000, mostMs: 3_600_000 },
});
