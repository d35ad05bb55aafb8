import type { FastifyReply } from 'fastify';
import { Refusal } from '../kernel/problems.js';

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
