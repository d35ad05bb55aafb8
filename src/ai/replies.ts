import type { FastifyReply } from 'fastify';
import { isDatabaseAway, isDatabaseBusy } from '../database/faults.js';
import { refused, type Refused } from '../http/problem.js';
import { Refusal } from '../kernel/problems.js';
import type { Log } from '../observability/log.js';
import type { Standing } from './budget/budget.store.js';
import { budgetHeaders } from './budget/budget.words.js';
import type { Cached } from './cache/answers.service.js';

export function tellBudget(reply: FastifyReply, standing: Standing, cached?: Cached): void {
  reply.headers(budgetHeaders(standing));
  if (cached) reply.header('x-cache', cached);
}

/** What ends a stream that has begun, in the words of a problem. */
export function brokenOff(fault: unknown, log: Log, requestId: string): Refused {
  if (fault instanceof Refusal) return refused(fault.code, fault.message);
  log.error({ requestId, err: fault }, 'a reply of the AI broke off');
  if (isDatabaseAway(fault) || isDatabaseBusy(fault)) return refused('dependency_down', 'A part this needs does not answer.');
  return refused('internal_error', 'It was logged under the request id.');
}
