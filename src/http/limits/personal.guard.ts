import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { InjectThrottlerOptions, ThrottlerGuard, type ThrottlerModuleOptions, ThrottlerStorage } from '@nestjs/throttler';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { policyOf, type Pace } from '../policy.js';
import { Limits, pass } from './limits.service.js';
import type { RedisStorage } from './redis.storage.js';
import { WINDOW_MS, type RuleName } from './rules.js';

declare module 'fastify' {
  interface FastifyRequest {
    isCounted?: boolean;
  }
}

const AT_ONCE = Promise.resolve(true);

/** The limits of a person and of sign-ins. Stands behind the guards that find out who asks. */
@Injectable()
export class PersonalLimit extends ThrottlerGuard {
  constructor(
    @InjectThrottlerOptions() options: ThrottlerModuleOptions,
    @Inject(ThrottlerStorage) private readonly storage: RedisStorage,
    reflector: Reflector,
    private readonly limits: Limits,
  ) {
    super(options, storage, reflector);
  }

  // What need not wait is told without a promise, as most requests come from strangers who browse.
  override canActivate(context: ExecutionContext): Promise<boolean> {
    const pace = policyOf(context)?.pace;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const counts = pace === 'auth' || (pace !== undefined && pace !== 'none' && pace !== 'webhook' && request.caller !== undefined);
    return counts && !request.isCounted ? this.limit(pace, request, context.switchToHttp().getResponse<FastifyReply>()) : AT_ONCE;
  }

  /** Throws where one of them is reached. */
  async limit(pace: Pace, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    request.isCounted = true;
    if (pace === 'auth') await this.count(reply, 'auth', this.limits.networkOf(request));
    if (request.caller) await this.count(reply, pace === 'costly' ? 'costly' : 'user', request.caller.id);
    return true;
  }

  private async count(reply: FastifyReply, name: RuleName, who: string): Promise<void> {
    const rule = this.storage.rules[name];
    if (rule.limit === 0) return;
    const { totalHits, timeToExpire, isBlocked, timeToBlockExpire } = await this.storage.increment(who, WINDOW_MS, rule.limit, 0, name);
    pass(reply, { rule, passed: !isBlocked, remaining: rule.limit - totalHits, fullIn: timeToExpire, freeIn: timeToBlockExpire });
  }
}
