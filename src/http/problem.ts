import type { FastifyReply, FastifyRequest } from 'fastify';
import { problems, type FieldFault, type ProblemCode } from '../kernel/problems.js';
import { withoutSecrets } from './secret-paths.js';

const RETRY_AFTER_SECONDS = 5;
const MOST_TOLD = 500;
/** Of a letter that a cut went through. */
const HALF = /[\ud800-\udbff]$/;
export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';
/** However the address is written: whole, with slashes doubled, or without anything behind it. */
const OPENAI = /^(?:https?:\/\/[^/]*)?\/+v1(?:\/|$)/i;

export const speaksOpenai = (path: string): boolean => OPENAI.test(path);

export interface Refused {
  code: ProblemCode;
  detail: string;
  status: number;
  errors?: readonly FieldFault[];
}

export const refused = (code: ProblemCode, detail: string = problems[code].title, errors?: readonly FieldFault[]): Refused => ({
  code,
  detail,
  status: problems[code].status,
  errors,
});

/** For what comes with a status alone. */
export function refusedWith(status: number): Refused {
  const codes = Object.keys(problems) as ProblemCode[];
  const code = codes.find((each) => problems[each].status === status) ?? 'bad_request';
  return refused(code, code === 'not_found' ? 'There is nothing at this address.' : undefined);
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, why: Refused): void {
  if (why.status === 503 && !reply.hasHeader('retry-after')) reply.header('retry-after', RETRY_AFTER_SECONDS);
  if (why.status === 401) reply.header('www-authenticate', 'Bearer');
  const path = request.originalUrl.split('?', 1)[0] ?? '';
  const openai = speaksOpenai(path);
  void reply
    .status(why.status)
    .type(openai ? 'application/json; charset=utf-8' : PROBLEM_TYPE)
    .send(openai ? openaiError(why) : problemOf(why, request.id, withoutSecrets(path)));
}

/** The shape that clients of OpenAI's API understand. They show people the message alone. */
export const openaiError = ({ code, detail, status, errors = [] }: Refused) => ({
  error: { message: errors.length > 0 ? told(errors) : detail, type: openaiType(status), param: errors[0]?.path ?? null, code },
});

function told(errors: readonly FieldFault[]): string {
  const line = errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
  return line.length > MOST_TOLD ? `${line.slice(0, MOST_TOLD - 1).replace(HALF, '')}…` : line;
}

function openaiType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}

/** The one whose address is not its code. */
const VALIDATION: ProblemCode = 'validation_failed';

export const problemOf = ({ code, detail, status, errors }: Refused, requestId: string, instance?: string) => ({
  type: `https://mutirao.dev/problems/${code === VALIDATION ? 'validation' : code.replaceAll('_', '-')}`,
  title: problems[code].title,
  status,
  code,
  detail,
  instance,
  requestId,
  errors,
});
