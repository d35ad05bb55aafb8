import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { ThrottlerStorage } from '@nestjs/throttler';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../../kernel/problems.js';
import { answerOf } from '../answer.js';
import type { Caller } from '../caller.js';
import { ClientAddresses, networkOf } from '../client-address.js';
import type { Verdict } from './meter.js';
import type { RedisStorage } from './redis.storage.js';
import type { Rule } from './rules.js';

/** What a process has counted so far. */
export interface LimitFigures {
  passed: number;
  refused: number;
  /** Round trips to Redis. */
  asked: number;
  /** Requests that this process judged alone, as Redis did not answer. */
  alone: number;
  /** Callers it remembers. */
  known: number;
}

/** The limits that a request or a feature meets. */
@Injectable()
export class Limits {
  constructor(
    @Inject(ThrottlerStorage) private readonly storage: RedisStorage,
    private readonly addresses: ClientAddresses,
  ) {}

  get figures(): LimitFigures {
    return { ...this.storage.figures, known: this.storage.known };
  }

  /** `undefined` where this limit is switched off. */
  ofAddress(request: FastifyRequest): Verdict | Promise<Verdict> | undefined {
    const rule = this.storage.rules.address;
    return rule.limit === 0 ? undefined : this.storage.take(rule, networkOf(this.addresses.of(request)));
  }

  /** For sign-in, registration and password routes, before the password is looked at: whose account it is about. */
  ofAccount(reply: FastifyReply, account: string): Promise<void> {
    return this.hold(reply, 'account', accountOf(account));
  }

  /** For webhooks, before a wrong proof is refused. */
  ofWrongProof(reply: FastifyReply): Promise<void> {
    return this.hold(reply, 'proof', this.networkOf(reply.request));
  }

  /** All that hold for the caller, and what is left of them. */
  async ofCaller(request: FastifyRequest, caller: Caller, account: string): Promise<Verdict[]> {
    const { rules } = this.storage;
    const network = this.networkOf(request);
    const all: [Rule, string][] = [
      [rules.address, network],
      [rules.own(rules.user, caller.requestsPerMinute), caller.id],
      [rules.own(rules.costly, caller.costlyPerMinute), caller.id],
      [rules.auth, network],
      [rules.account, accountOf(account)],
    ];
    return Promise.all(all.filter(([{ limit }]) => limit > 0).map(([rule, who]) => this.storage.peek(rule, who)));
  }

  networkOf(request: FastifyRequest): string {
    return networkOf(this.addresses.of(request));
  }

  private async hold(reply: FastifyReply, name: 'account' | 'proof', who: string): Promise<void> {
    const rule = this.storage.rules[name];
    if (rule.limit > 0) pass(reply, await this.storage.take(rule, who));
  }
}

const accountOf = (account: string) => createHash('sha256').update(account.trim().toLowerCase()).digest('base64url');

/** Tells what the limit says and refuses where it does. */
export function pass(reply: FastifyReply, verdict: Verdict): void {
  tell(reply, verdict);
  if (!verdict.passed) throw new Refusal('rate_limited', wording(verdict));
}

export const wording = ({ freeIn }: Verdict) => `Try again in ${freeIn} s.`;

/** Both families of headers; of several limits, the tightest is the one that is told. */
export function tell(reply: FastifyReply, { rule, passed, remaining, fullIn, freeIn }: Verdict): void {
  const answer = answerOf(reply);
  if (passed && remaining >= answer.remaining) return;
  answer.remaining = remaining;
  const left = String(remaining);
  answer.limits = `${rule.lines}${left};t=${fullIn}\r\nX-RateLimit-Remaining: ${left}\r\nX-RateLimit-Reset: ${fullIn}\r\n`;
  if (!passed) reply.header('retry-after', freeIn);
}
