import type { FastifyReply } from 'fastify';
import { Refusal } from '../kernel/problems.js';
import type { Standing } from './budget/budget.store.js';
import { budgetHeaders } from './budget/budget.words.js';
import type { Cached } from './cache/answers.service.js';

export function tellBudget(reply: FastifyReply, standing: Standing, cached?: Cached): void {
  reply.headers(budgetHeaders(standing));
  if (cached) reply.header('x-cache', cached);
}

export function tellStream(reply: FastifyReply): void {
  reply.headers({ 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' });
}

/** Ends where its caller leaves before he has his answer. */
export function untilGone(reply: FastifyReply): AbortController {
  const over = new AbortController();
  const leave = () => over.abort(new Refusal('dependency_down', 'Nobody waits for this any more.'));
  // Whoever left while it was found out who he is left before this could hear of it.
  if (reply.raw.destroyed) leave();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) leave();
  });
  return over;
}
