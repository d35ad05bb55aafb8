import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { refused, sendProblem } from '../problem.js';
import { Limits, tell, wording } from './limits.service.js';
import type { Verdict } from './meter.js';

/** Goes on, or ends in this fault. */
export type Done = (fault?: Error) => void;

/** Counts every request by its address, also where there is no route or one that Nest does not know. */
@Injectable()
export class AddressLimit {
  constructor(private readonly limits: Limits) {}

  limit(request: FastifyRequest, reply: FastifyReply, done: Done): void {
    const pace = request.route.config.pace;
    const verdict = pace === 'none' || pace === 'webhook' ? undefined : this.limits.ofAddress(request);
    if (verdict === undefined) done();
    else if (verdict instanceof Promise) verdict.then((late) => judge(request, reply, late, done)).catch(done);
    else judge(request, reply, verdict, done);
  }
}

function judge(request: FastifyRequest, reply: FastifyReply, verdict: Verdict, done: Done): void {
  tell(reply, verdict);
  if (verdict.passed) done();
  else sendProblem(request, reply, refused('rate_limited', wording(verdict)));
}
