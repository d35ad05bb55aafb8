import { defineJob, defineQueue } from '../../outbox/contracts.js';

/** How a sandbox payment goes: paid at once, refused, or told in one of the ways in which real providers err. */
export const behaviours = ['pay', 'fail', 'late', 'doubled', 'reordered', 'never'] as const;
export type Behaviour = (typeof behaviours)[number];

const sandboxQueue = defineQueue({ name: 'sandbox', concurrency: 16 });

export interface SandboxNotice {
  donationId: string;
  amountCents: number;
  behaviour: Behaviour;
}

export const sandboxNotice = defineJob<SandboxNotice>({
  queue: sandboxQueue,
  name: 'sandbox.notice',
  attempts: 20,
  backoff: { firstMs: 250, mostMs: 30_000 },
});
