import { defineJob, defineQueue } from '../../outbox/contracts.js';

export const paymentsQueue = defineQueue({ name: 'payments', concurrency: 16 });

/**
 * Asks the provider itself how a charge stands: what is told by others is only a reason to ask. `told`: somebody said that there is
 * news, which may be of what is paid long since.
 */
export const lookAtCharge = defineJob<{ donationId: string; told?: true }>({
  queue: paymentsQueue,
  name: 'payments.look',
  attempts: 40,
  backoff: { firstMs: 1_000, mostMs: 3_600_000 },
});
