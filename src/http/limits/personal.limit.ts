import { Inject, Injectable } from '@nestjs/common';
import { ThrottlerStorage } from '@nestjs/throttler';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../caller.js';
import type { Pace } from '../policy.js';
import { Limits, pass } from './limits.service.js';
import type { RedisStorage } from './redis.storage.js';
import { WINDOW_MS, type Rule, type RuleName } from './rules.js';

declare module 'fastify' {
  interface FastifyRequest {
    isCounted?: boolean;
  }
}

/** The limits of a person and of sign-ins, for when it is known who asks. */
@Injectable()
export class PersonalLimit {
  constructor(
    @Inject(ThrottlerStorage) private readonly storage: RedisStorage,
    private readonly limits: Limits,
  ) {}

  /** At once where nothing is to be counted, as most requests come from strangers who browse. Throws where a limit is reached. */
  count(request: FastifyRequest, reply: FastifyReply): true | Promise<true> {
    const { pace } = request.route.config;
    if (pace === undefined || pace === 'none' || pace === 'webhook' || request.isCounted) return true;
    if (pace !== 'auth' && (!request.caller || this.ruleOf(pace, request.caller).limit === 0)) return true;
    return this.countAll(pace, request, reply);
  }

  private async countAll(pace: Pace, request: FastifyRequest, reply: FastifyReply): Promise<true> {
    request.isCounted = true;
    if (pace === 'auth') await this.take(reply, 'auth', this.limits.networkOf(request));
    const { caller } = request;
    if (caller) await this.take(reply, pace === 'costly' ? pace : 'user', caller.id, this.ruleOf(pace, caller));
    return true;
  }

  private ruleOf(pace: Pace, { costlyPerMinute, requestsPerMinute }: Caller): Rule {
    const { rules } = this.storage;
    return pace === 'costly' ? rules.own(rules.costly, costlyPerMinute) : rules.own(rules.user, requestsPerMinute);
  }

  private async take(reply: FastifyReply, name: RuleName, who: string, rule: Rule = this.storage.rules[name]): Promise<void> {
    if (rule.limit === 0) return;
    const { totalHits, timeToExpire, isBlocked, timeToBlockExpire } = await this.storage.increment(who, WINDOW_MS, rule.limit, 0, name);
    pass(reply, { rule, passed: !isBlocked, remaining: rule.limit - totalHits, fullIn: timeToExpire, freeIn: timeToBlockExpire });
  }
}
