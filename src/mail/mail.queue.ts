import { defineQueue } from '../outbox/contracts.js';

/** Letters of all features. */
export const mailQueue = defineQueue({ name: 'mail', concurrency: 8 });
