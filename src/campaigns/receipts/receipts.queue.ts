import { defineJob } from '../../outbox/contracts.js';
import { mailQueue } from '../../mail/mail.queue.js';

export const thankDonor = defineJob<{ donationId: string }>({ queue: mailQueue, name: 'mail.thank-donor' });
