import { defineJob } from '../../../outbox/contracts.js';
import { whatsappQueue } from '../whatsapp.queue.js';

export const prepareBroadcast = defineJob<{ broadcastId: string }>({
  queue: whatsappQueue,
  name: 'whatsapp.prepare-broadcast',
  timeoutMs: 600_000,
});
