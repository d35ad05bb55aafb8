import { defineJob, defineQueue } from '../outbox/contracts.js';

const analyticsQueue = defineQueue({ name: 'analytics', concurrency: 1 });

/** A refresh reads everything once; one that takes longer than this is begun anew. */
export const refreshDatasets = defineJob<{ refreshId: string }>({
  queue: analyticsQueue,
  name: 'analytics.refresh',
  attempts: 4,
  timeoutMs: 1_800_000,
  backoff: { firstMs: 5_000, mostMs: 60_000 },
});
