import { defineJob } from '../../outbox/contracts.js';
import { whatsappQueue } from './whatsapp.queue.js';

export const thankByMessage = defineJob<{ donationId: string }>({ queue: whatsappQueue, name: 'whatsapp.thank-donor' });
