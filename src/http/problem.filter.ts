import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isDatabaseAway } from '../database/faults.js';
import { problems, Refusal, type ProblemCode } from '../kernel/problems.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { RedisAway } from '../redis/redis.client.js';

const RETRY_AFTER_SECONDS = 5;

/** The one place where a fault becomes an answer; what it says never holds a stack, SQL or a secret. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(LOG) private readonly log: Log) {}

  catch(fault: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const { code, detail, status } = explain(fault);
    if (status >= 500) this.log.error({ requestId: request.id, err: fault }, 'request failed');
    void sendProblem(request, reply, code, detail, status);
  }
}

export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  code: ProblemCode,
  detail: string,
  status = problems[code].status,
) {
  if (status === 503) reply.header('retry-after', RETRY_AFTER_SECONDS);
  return reply
    .status(status)
    .type('application/problem+json; charset=utf-8')
    .send({
      type: `https://mutirao.dev/problems/${code.replaceAll('_', '-')}`,
      title: problems[code].title,
      status,
      code,
      detail,
      instance: request.url.split('?', 1)[0],
      requestId: request.id,
    });
}

function explain(fault: unknown): { code: ProblemCode; detail: string; status: number } {
  if (fault instanceof Refusal) return { code: fault.code, detail: fault.message, status: problems[fault.code].status };
  if (isDatabaseAway(fault)) return of('dependency_down', 'The database does not answer. Try again in a moment.');
  if (fault instanceof RedisAway) return of('dependency_down', 'The queue does not answer. Try again in a moment.');
  const status = fault instanceof HttpException ? fault.getStatus() : (fault as { statusCode?: unknown } | null)?.statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500) {
    const code = codeOf(status);
    return { code, detail: code === 'not_found' ? 'There is nothing at this address.' : problems[code].title, status };
  }
  return of('internal_error', 'It was logged under the request id.');
}

const of = (code: ProblemCode, detail: string) => ({ code, detail, status: problems[code].status });

const codeOf = (status: number) =>
  (Object.keys(problems) as ProblemCode[]).find((code) => problems[code].status === status) ?? 'bad_request';
