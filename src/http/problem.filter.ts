import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isDatabaseAway, isDatabaseBusy, isDatabaseFull, isUnstorable } from '../database/faults.js';
import { Refusal } from '../kernel/problems.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { RedisAway } from '../redis/redis.client.js';
import { refused, refusedWith, sendProblem, type Refused } from './problem.js';
import { isGone, tellRequest } from './request-line.js';

/** Nobody is there to be answered; as nginx calls it. */
const GONE = 499;

/** The one place where a fault becomes an answer; what it says never holds a stack, SQL or a secret. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(LOG) private readonly log: Log) {}

  catch(fault: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (isGone(request.raw)) {
      tellRequest(this.log, request, reply, GONE);
      return;
    }
    const why = explain(fault);
    // A refusal is a decision, of which the request's own line tells enough, a thousand times a second if need be.
    if (why.status >= 500 && !(fault instanceof Refusal))
      this.log[why.code === 'overloaded' ? 'warn' : 'error'](
        { requestId: request.id, traceId: request.trace.traceId, err: fault },
        'request failed',
      );
    // Where an answer has begun, only its sudden end can still say that it is not whole.
    if (reply.raw.headersSent) reply.raw.destroy();
    else sendProblem(request, fault instanceof Refusal ? reply.headers(fault.headers) : reply, why);
  }
}

function explain(fault: unknown): Refused {
  if (fault instanceof Refusal) return refused(fault.code, fault.message, fault.errors);
  if (isUnstorable(fault)) return refused('validation_failed', 'A text holds the character NUL, which no text may.');
  if (isDatabaseFull(fault)) return refused('storage_full', 'Nothing can be stored at the moment.');
  if (isDatabaseBusy(fault)) return refused('overloaded', 'This took too long, as too much is going on. Try again in a moment.');
  if (isDatabaseAway(fault)) return refused('dependency_down', 'A part this needs does not answer. Try again in a moment.');
  if (fault instanceof RedisAway) return refused('dependency_down', 'The queue does not answer. Try again in a moment.');
  // Other libraries' errors also carry a status: that of the server they asked, which is not ours to pass on.
  const status = fault instanceof HttpException ? fault.getStatus() : 500;
  if (status < 400 || status >= 500) return refused('internal_error', 'It was logged under the request id.');
  return isUnreadable(fault) ? refused('malformed_json') : refusedWith(status);
}

// The parser's error, as Nest wraps it.
const isUnreadable = (fault: unknown): boolean =>
  fault instanceof Error && /^FST_ERR_CTP_(INVALID|EMPTY)_JSON_BODY$/.test(String((fault.cause as { code?: unknown } | undefined)?.code));
