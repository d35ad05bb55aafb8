import { z } from 'zod';
import type { RouteWords } from '../http/says.js';
import { pagedShape } from '../http/lists.js';
import { queueShape, type QueueView } from './queues.dto.js';

const group = 'Queues';

const example: QueueView = {
  ...{ name: 'mail', paused: false, why: null, waiting: 42, later: 3, running: 8, failed: 0 },
  ...{ oldestSeconds: 2.4, perSecond: 12.5, waitSeconds: { p50: 0.041, p95: 1.208 }, etaSeconds: 4 },
};

export const queuesWords: Record<'list' | 'pause' | 'resume' | 'retry', RouteWords> = {
  list: {
    group,
    summary: 'List the queues',
    detail:
      'For admins. `waiting` is due and not begun; `later` has its time to come, or waits after a failure; `failed` is out of attempts; `unknown`, of `whatsapp` alone, ' +
      'may have been sent. `perSecond` is what ended in the last minute, `waitSeconds` how long that had waited from due to begun (messages: to sent), `etaSeconds` is ' +
      '`waiting` at that pace: `null` where the queue is paused or nothing ended; of `whatsapp` all that is due, through quiet hours and the tier of the account. `whatsapp` counts messages together with the work around them. ' +
      '`why` is there where the system itself paused a queue, and says what to mend.',
    answers: {
      200: {
        says: 'All of them.',
        shape: pagedShape(queueShape),
        example: { items: [example], nextCursor: null, total: 1, page: 1, limit: 20 },
      },
    },
  },
  pause: {
    group,
    summary: 'Pause a queue',
    detail: 'For admins. Nothing of it begins any more, in no process; what runs is finished. Again: no change.',
    answers: { 200: { says: 'The queue.', shape: queueShape, example: { ...example, paused: true, etaSeconds: null } } },
  },
  resume: {
    group,
    summary: 'Resume a queue',
    detail: 'For admins. Again: no change.',
    answers: { 200: { says: 'The queue.', shape: queueShape, example } },
  },
  retry: {
    group,
    summary: 'Try again what failed',
    detail:
      'For admins. Every failed job has all its attempts again. A failed message goes back where WhatsApp certainly did not take it and the reason may be over; never to who has opted out, ' +
      'outside of a closed window, or where nobody knows whether it was sent.',
    answers: {
      200: {
        says: 'The queue, and how many go back.',
        shape: queueShape.extend({ retried: z.int() }),
        example: { ...example, retried: 2 },
      },
    },
  },
};
