import { mailQueue } from '../../mail/mail.queue.js';
import { defineJob, defineQueue } from '../../outbox/contracts.js';

export interface Telling {
  alertId: string;
  what: 'firing' | 'resolved';
}

const alertsQueue = defineQueue({ name: 'alerts', concurrency: 2 });

export const tellSlack = defineJob<Telling>({ queue: alertsQueue, name: 'alerts.slack', timeoutMs: 20_000 });
export const tellByMail = defineJob<Telling>({ queue: mailQueue, name: 'alerts.letter' });
