import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../kernel/problems.js';
import { admitKey, Identity, isFor } from './access.guard.js';
import type { Caller } from './caller.js';
import { PersonalLimit } from './limits/personal.limit.js';
import { refused, sendProblem } from './problem.js';

/** For answers that are given before Nest is troubled: knows, lets in and counts as the guards do. */
@Injectable()
export class Door {
  constructor(
    private readonly identity: Identity,
    private readonly limit: PersonalLimit,
  ) {}

  /** At once where nobody has to be asked. Hands over whom it lets in; to who reached a limit it says so itself. */
  admit(request: FastifyRequest, reply: FastifyReply, then: (caller: Caller | undefined) => void): void {
    const refuse = (fault: unknown) => {
      if (fault instanceof Refusal && fault.code === 'rate_limited') sendProblem(request, reply, refused(fault.code, fault.message));
      // Whoever is refused here is refused again by the guard whose word that is.
      else then(undefined);
    };
    let admitted: ReturnType<Door['judge']>;
    try {
      admitted = this.judge(request, reply);
    } catch (fault) {
      return refuse(fault);
    }
    if (admitted instanceof Promise) admitted.then(then, refuse);
    else then(admitted);
  }

  private judge(request: FastifyRequest, reply: FastifyReply): Caller | undefined | Promise<Caller | undefined> {
    const finding = this.identity.find(request);
    return finding ? finding.then(() => this.count(request, reply)) : this.count(request, reply);
  }

  private count(request: FastifyRequest, reply: FastifyReply): Caller | undefined | Promise<Caller | undefined> {
    const { caller, route } = request;
    const { access = 'admin' } = route.config;
    if (!caller || !(access === 'public' || isFor(access, caller))) return undefined;
    admitKey(caller, request);
    const counted = this.limit.count(request, reply);
    return counted === true ? caller : counted.then(() => caller);
  }
}

/** Only who is known may ask for a fresh answer: a stranger could keep the database busy with it. */
export const wantsFresh = ({ headers }: FastifyRequest): boolean => /\bno-(?:cache|store)\b/i.test(headers['cache-control'] ?? '');
