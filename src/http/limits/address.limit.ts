import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refused, sendProblem } from '../problem.js';
import { Limits, tell, wording } from './limits.service.js';
import type { Verdict } from './meter.js';

/** Counts every request by its address, also where there is no route or one that Nest does not know. */
@Injectable()
export class AddressLimit implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost<FastifyAdapter>,
    private readonly limits: Limits,
  ) {}

  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance<FastifyInstance>();
    // After the plugin that tells browsers whether they may read what is refused here.
    void fastify.after(() => {
      fastify.addHook('onRequest', (request, reply, done) => this.limit(request, reply, done));
    });
  }

  private limit(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    const pace = request.routeOptions.config.pace;
    const verdict = pace === 'none' || pace === 'webhook' ? undefined : this.limits.ofAddress(request);
    if (verdict === undefined) done();
    else if (verdict instanceof Promise) void verdict.then((late) => judge(request, reply, late, done));
    else judge(request, reply, verdict, done);
  }
}

function judge(request: FastifyRequest, reply: FastifyReply, verdict: Verdict, done: () => void): void {
  tell(reply, verdict);
  if (verdict.passed) done();
  else sendProblem(request, reply, refused('rate_limited', wording(verdict)));
}
