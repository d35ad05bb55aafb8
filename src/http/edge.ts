import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { corsOf } from './cors.js';
import { guarding } from './guarding.js';
import { CacheHook } from './cache/cache.hook.js';
import { AddressLimit } from './limits/address.limit.js';
import { refused, sendProblem, type Refused } from './problem.js';
import { watchLoad } from './load.js';
import { Readiness } from './readiness.js';
import { closeAfterAnswers, UNREADABLE } from './server.js';

const throughTls = { 'strict-transport-security': 'max-age=31536000; includeSubDomains' };

/** What holds for every request, whatever route it meets or misses. */
@Injectable()
export class Edge implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost<FastifyAdapter>,
    private readonly readiness: Readiness,
    private readonly address: AddressLimit,
    private readonly cache: CacheHook,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onModuleInit(): void {
    const adapter = this.host.httpAdapter;
    const fastify = adapter.getInstance<FastifyInstance>();
    const headers = this.config.ENVIRONMENT === 'production' ? { ...guarding, ...throughTls } : guarding;
    const behind = watchLoad(fastify);
    // One hook for all of it, as each costs a request as much as a header.
    fastify.addHook('onRequest', (request, reply, done) => {
      reply.headers(headers);
      if (isShed(request, behind()))
        sendProblem(request, reply, refused('overloaded', 'This process is behind with its work. Try again in a moment.'));
      else if (this.readiness.held) void this.readiness.held.then(() => done());
      else done();
    });
    if (this.config.ENVIRONMENT !== 'production')
      fastify.addHook('onSend', (_request, reply, _payload, done) => {
        reply.header('server-timing', `total;dur=${reply.elapsedTime.toFixed(1)}`);
        done();
      });
    closeAfterAnswers(fastify, this.readiness);
    const cors = corsOf(this.config.BACKEND_CORS_ORIGINS.map((origin) => new URL(origin).origin));
    fastify.addHook('onRequest', (request, reply, done) => {
      const preflight = cors?.(request, reply) ?? false;
      this.address.limit(request, reply, () => {
        const why = unreadable(request);
        if (why) sendProblem(request, reply, why);
        else if (preflight) void reply.status(204).send();
        else this.cache.answer(request, reply, done);
      });
    });
  }
}

// Probes are always answered.
const isShed = ({ url }: FastifyRequest, behind: boolean): boolean => behind && !url.startsWith('/health');

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;
const OTHER_CHARSET = /;\s*charset\s*=(?!\s*"?utf-?8"?\s*(?:;|$))/i;

function unreadable({ headers, url, method, route, raw }: FastifyRequest): Refused | undefined {
  if (url === UNREADABLE) return refused('bad_request', 'The address is not valid UTF-8, or holds the character NUL.');
  if (headers.host === undefined && raw.httpVersionMinor > 0) return refused('bad_request', 'Send the header Host.');
  // Nothing is unpacked here, so that nothing small can become large.
  const packed = headers['content-encoding'];
  const coded = headers['transfer-encoding'];
  if ((packed !== undefined && packed.toLowerCase() !== 'identity') || (coded !== undefined && coded.toLowerCase() !== 'chunked'))
    return refused('unsupported_type', 'Send the body as it is, neither packed nor otherwise coded.');
  const type = headers['content-type'];
  if (type === undefined || method === 'GET' || method === 'HEAD' || route.url === undefined) return undefined;
  if (JSON_TYPE.test(type) && !OTHER_CHARSET.test(type)) return undefined;
  return refused('unsupported_type', 'Send the body as application/json in UTF-8.');
}
