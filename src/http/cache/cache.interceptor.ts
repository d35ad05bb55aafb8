import { type CallHandler, type ExecutionContext, HttpException, Injectable, type NestInterceptor, StreamableFile } from '@nestjs/common';
import { HEADERS_METADATA } from '@nestjs/common/constants.js';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { problems, Refusal } from '../../kernel/problems.js';
import { within as inTrace } from '../../observability/trace.js';
import type { CachePolicy } from '../policy.js';
import { partsOf } from './address.js';
import { Answers } from './answers.js';
import { CACHE, dress } from './dress.js';
import { Entry } from './entry.js';
import { Tiers } from './tiers.js';

const JSON_TYPE = 'application/json; charset=utf-8';
const TEXT_TYPE = 'text/plain; charset=utf-8';
const BYTES_TYPE = 'application/octet-stream';
/** What is larger is not worth the room of a hundred others. */
/** More than twenty of the longest descriptions. */
const MOST_BYTES = 4 * 1_048_576;
/** Whoever sets one of these has ideas of his own about keeping. */
const ownIdeas = new Set(['set-cookie', 'cache-control', 'content-encoding', 'vary']);
const notForStrangers = new Set([401, 403, 404]);

/** One question to a route that is cached. */
interface Question {
  policy: CachePolicy;
  request: FastifyRequest;
  reply: FastifyReply;
  handler: object;
  next: CallHandler;
}

interface Made {
  value: unknown;
  /** Undefined where it is nothing to keep. */
  body: Buffer | undefined;
  headers: Record<string, string>;
}

/** Has answers that are not there made and kept. */
@Injectable()
export class CacheInterceptor implements NestInterceptor {
  constructor(
    private readonly tiers: Tiers,
    private readonly answers: Answers,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const policy = request.route.config.cache;
    if (policy === undefined) return next.handle();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return from(this.answer({ policy, request, reply, handler: context.getHandler(), next }));
  }

  private async answer(question: Question): Promise<unknown> {
    const { policy, request, reply } = question;
    const { caller } = request;
    const personal = policy.audience === 'me';
    const address = request.missedAt;
    if (address === undefined) return this.alone(question);
    const { tags } = partsOf(address);
    this.tiers.figures.count('misses', tags);
    reply.header('cache-status', `${CACHE}; fwd=miss`);
    const lifeMs = policy.seconds * 1_000;
    let own: Made | undefined;
    try {
      const loaded = await this.answers.load(address, lifeMs, async (versions) => {
        own = await run(question, personal ? caller : undefined);
        return own.body && Entry.of(own.body, kept(own, personal), lifeMs, versions);
      });
      if (loaded) return dress(request, reply, loaded.entry, `${CACHE}; fwd=miss${loaded.how === 'alone' ? '' : `; ${loaded.how}`}`);
      if (own) return own.value;
    } catch (fault) {
      // What strangers may not see may still be the caller's to see; but then it is no answer for everyone.
      if (personal || !caller || !isRefused(fault)) throw fault;
    }
    return this.alone(question);
  }

  /** As if there were no cache, but for the tag by which the client may keep it. */
  private async alone(question: Question): Promise<unknown> {
    const { request, reply } = question;
    this.tiers.figures.bypassed += 1;
    const status = `${CACHE}; fwd=bypass`;
    reply.header('cache-status', status);
    const made = await run(question, request.caller);
    if (!made.body) return made.value;
    return dress(request, reply, await Entry.of(made.body, kept(made, request.caller !== undefined), 0, []), status);
  }
}

/** Runs the handler for this caller: what is for everyone is made for a stranger, whoever asks. */
async function run({ policy, request, reply, handler, next }: Question, caller: FastifyRequest['caller']): Promise<Made> {
  const before = reply.getHeaders();
  const asked = request.caller;
  request.caller = caller;
  // What is no part of the key is no part of the answer.
  const query = request.query as Record<string, unknown>;
  request.query = Object.fromEntries((policy.query ?? []).filter((name) => name in query).map((name) => [name, query[name]]));
  let value: unknown;
  try {
    value = await inTrace(request.trace, () => lastValueFrom(next.handle(), { defaultValue: undefined }));
  } finally {
    request.caller = asked;
    request.query = query;
  }
  const declared = (Reflect.getMetadata(HEADERS_METADATA, handler) ?? []) as { name: string }[];
  const own = new Set(declared.map(({ name }) => name.toLowerCase()));
  const headers: Record<string, string> = {};
  for (const [name, header] of Object.entries(reply.getHeaders()))
    if (header !== undefined && (own.has(name) || before[name] !== header)) headers[name] = String(header);
  const keeps = reply.statusCode === 200 && !reply.sent && !Object.keys(headers).some((name) => ownIdeas.has(name));
  const [type, bytes] = keeps ? bytesOf(value) : [undefined, undefined];
  const body = bytes && bytes.length <= MOST_BYTES ? bytes : undefined;
  return { value, body, headers: type === undefined ? headers : { 'content-type': type, ...headers } };
}

function bytesOf(value: unknown): [type: string, body: Buffer] | [undefined, undefined] {
  if (typeof value === 'string') return [TEXT_TYPE, Buffer.from(value)];
  if (Buffer.isBuffer(value)) return [BYTES_TYPE, value];
  const isData = typeof value === 'object' && value !== null && !(value instanceof StreamableFile) && !('pipe' in value);
  return isData ? [JSON_TYPE, Buffer.from(JSON.stringify(value))] : [undefined, undefined];
}

const kept = ({ headers }: Made, personal: boolean): Record<string, string> => ({
  ...headers,
  'cache-control': personal ? 'private, no-cache' : 'no-cache',
});

function isRefused(fault: unknown): boolean {
  if (fault instanceof Refusal) return notForStrangers.has(problems[fault.code].status);
  return fault instanceof HttpException && notForStrangers.has(fault.getStatus());
}
