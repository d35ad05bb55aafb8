import { mailQueue } from '../mail/mail.queue.js';
import { defineJob } from '../outbox/contracts.js';

export const tellOfBooks = defineJob<{ finding: string }>({ queue: mailQueue, name: 'mail.books-differ' });
