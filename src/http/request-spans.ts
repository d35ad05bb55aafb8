import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Spans } from '../observability/spans.js';
import { isProbe } from './request-line.js';

/** Each request but those of probes, under the name of its route. */
@Injectable()
export class RequestSpans implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost<FastifyAdapter>,
    private readonly spans: Spans,
  ) {}

  onModuleInit(): void {
    if (!this.spans.on) return;
    this.host.httpAdapter.getInstance<FastifyInstance>().addHook('onResponse', (request, reply, done) => {
      this.tell(request, reply);
      done();
    });
  }

  private tell(request: FastifyRequest, { elapsedTime, statusCode }: FastifyReply): void {
    const route = request.route.url ?? 'unknown';
    if (isProbe(route)) return;
    const facts = { 'http.request.method': request.method, 'http.route': route, 'http.response.status_code': statusCode };
    this.spans.add(request.trace, `${request.method} ${route}`, 'server', Math.round(Date.now() - elapsedTime), facts, statusCode >= 500);
  }
}
