import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { CacheHook } from './cache/cache.hook.js';
import { AddressLimit } from './limits/address.limit.js';
import { refused, sendProblem } from './problem.js';
import { shedLoad } from './load.js';
import { Readiness } from './readiness.js';
import { closeAfterAnswers } from './server.js';

const PREFLIGHT_SECONDS = 600;

/** What an answer may do in a browser: nothing, unless its route says otherwise. */
const guarding = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  // What does not say that it may be kept is kept nowhere.
  'cache-control': 'no-store',
};
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
    fastify.addHook('onRequest', (request, reply, done) => {
      reply.headers(headers);
      // Nothing is unpacked here, so that nothing small can become large.
      const packed = request.headers['content-encoding'];
      if (packed === undefined || packed === 'identity') done();
      else sendProblem(request, reply, refused('unsupported_type', 'Send the body without Content-Encoding.'));
    });
    if (this.config.ENVIRONMENT !== 'production')
      fastify.addHook('onSend', (_request, reply, _payload, done) => {
        reply.header('server-timing', `total;dur=${reply.elapsedTime.toFixed(1)}`);
        done();
      });
    closeAfterAnswers(fastify, this.readiness);
    shedLoad(fastify);
    const origins = this.config.BACKEND_CORS_ORIGINS.map((origin) => new URL(origin).origin);
    if (origins.length > 0) adapter.enableCors({ origin: origins, maxAge: PREFLIGHT_SECONDS, exposedHeaders: '*' });
    // After the plugin that tells browsers whether they may read what is answered here.
    void fastify.after(() => {
      fastify.addHook('onRequest', (request, reply, done) => this.address.limit(request, reply, done));
      fastify.addHook('onRequest', (request, reply, done) => this.cache.answer(request, reply, done));
    });
  }
}
