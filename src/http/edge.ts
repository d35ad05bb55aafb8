import type { IncomingMessage } from 'node:http';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { continued, within as inTrace } from '../observability/trace.js';
import { answerOf, guardingLines } from './answer.js';
import { corsOf } from './cors.js';
import { CacheHook } from './cache/cache.hook.js';
import { AddressLimit, type Done } from './limits/address.limit.js';
import { refused, sendProblem, type Refused } from './problem.js';
import { FORM_TYPE } from './forms.js';
import { isFlood } from './connection.js';
import { watchLoad } from './load.js';
import { Readiness } from './readiness.js';
import { isGone, isProbe, UNREADABLE } from './request-line.js';
import { UPLOAD_TYPE, UPLOAD_TYPE_NAME } from './uploads.js';

/** What holds for every request, whatever route it meets or misses. */
@Injectable()
export class Edge implements OnModuleInit {
  private readonly cors: ReturnType<typeof corsOf>;

  constructor(
    private readonly host: HttpAdapterHost<FastifyAdapter>,
    private readonly readiness: Readiness,
    private readonly address: AddressLimit,
    private readonly cache: CacheHook,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.cors = corsOf(config.BACKEND_CORS_ORIGINS.map((origin) => new URL(origin).origin));
  }

  onModuleInit(): void {
    const adapter = this.host.httpAdapter;
    const fastify = adapter.getInstance<FastifyInstance>();
    const production = this.config.ENVIRONMENT === 'production';
    const lines = guardingLines(production);
    const isLast = () => this.readiness.closed;
    const isTooMuch = watchLoad(fastify, this.config.OVERLOAD_DELAY_MS);
    const { requests } = fastify;
    // One hook for all of it, as each costs a request as much as a header.
    fastify.addHook('onRequest', (request, reply, done) => {
      request.route = request.routeOptions;
      request.trace = continued(request.id, request.headers.traceparent);
      const answer = answerOf(reply);
      if (isFlood(request.raw.socket, answer)) return;
      requests.begin(request);
      answer.firm = `X-Request-Id: ${request.id}\r\n${lines}`;
      answer.isLast = isLast;
      if (isShed(request, isTooMuch))
        sendProblem(request, reply, refused('overloaded', 'This process is behind with its work. Try again in a moment.'));
      else if (this.readiness.held) this.readiness.held.then(() => this.admit(request, reply, done)).catch(done);
      else this.admit(request, reply, done);
    });
    if (!production)
      fastify.addHook('onSend', (_request, reply, _payload, done) => {
        reply.header('server-timing', `total;dur=${reply.elapsedTime.toFixed(1)}`);
        done();
      });
  }

  private admit(request: FastifyRequest, reply: FastifyReply, done: Done): void {
    const preflight = this.cors?.(request, reply) ?? false;
    this.address.limit(request, reply, (fault) => {
      const why = unreadable(request);
      if (fault) done(fault);
      // Nobody would tell whoever reads its body.
      else if (isGone(request.raw)) done(new Error('the client went away'));
      else if (why) sendProblem(request, reply, why);
      else if (preflight) void reply.status(204).send();
      else this.cache.answer(request, reply, knows(request) ? (late) => inTrace(request.trace, () => done(late)) : done);
    });
  }
}

/**
 * Whose reading may have consequences: what strangers read has none, and the context would be a fifth of that
 * work's cost. What is cached is given one when it has to be made.
 */
const knows = ({ method, headers, route }: FastifyRequest): boolean =>
  method === 'GET' && headers.authorization !== undefined && route.config.cache === undefined;

// Probes are always answered.
const isShed = ({ url }: FastifyRequest, isTooMuch: () => boolean): boolean => isTooMuch() && !isProbe(url);

const HOST = /^[\w.:%~[\]-]*$/;

function hasOneHost({ headers, rawHeaders, httpVersionMinor }: IncomingMessage): boolean {
  if (headers.host === undefined) return httpVersionMinor === 0;
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts === 1 && HOST.test(headers.host);
}

const JSON_TYPE_NAME = 'application/json';
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;
const OTHER_CHARSET = /;\s*charset\s*=(?!\s*"?utf-?8"?\s*(?:;|$))/i;
const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;

function unreadable({ headers, url, method, route, raw }: FastifyRequest): Refused | undefined {
  if (url === UNREADABLE) return refused('bad_request', 'The address is not valid UTF-8, or holds the character NUL.');
  if (!hasOneHost(raw)) return refused('bad_request', 'Send one header Host, with the name of this host.');
  // Node has said `100 Continue` where that was asked for.
  if (headers.expect !== undefined && raw.httpVersionMinor > 0 && !CONTINUE.test(headers.expect)) return refused('expectation_failed');
  // Nothing is unpacked here, so that nothing small can become large.
  const packed = headers['content-encoding'];
  const coded = headers['transfer-encoding'];
  if ((packed !== undefined && packed.toLowerCase() !== 'identity') || (coded !== undefined && coded.toLowerCase() !== 'chunked'))
    return refused('unsupported_type', 'Send the body as it is, neither packed nor otherwise coded.');
  const type = headers['content-type'];
  // Of a webhook the proof comes first, whatever it brings: its bytes are read, whatever they are called.
  if (route.config.pace === 'webhook') headers['content-type'] = JSON_TYPE_NAME;
  const unread = method === 'GET' || method === 'HEAD' || route.config.pace === 'webhook';
  if (type === undefined || unread || route.url === undefined) return undefined;
  const { forms, uploads } = route.config;
  const isRead = uploads ? UPLOAD_TYPE.test(type) : JSON_TYPE.test(type) || (forms && FORM_TYPE.test(type));
  if (isRead && !OTHER_CHARSET.test(type)) return undefined;
  return refused('unsupported_type', `Send the body as ${uploads ? UPLOAD_TYPE_NAME : JSON_TYPE_NAME} in UTF-8.`);
}
