import { defineQueue } from '../../outbox/contracts.js';

export const WHATSAPP = 'whatsapp';

/** What is done around messages; they themselves stand in a line of their own. */
export const whatsappQueue = defineQueue({ name: WHATSAPP, concurrency: 4 });

export const WHATSAPP_PROVIDER = Symbol('whatsapp provider');
