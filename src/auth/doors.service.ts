import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ClientAddresses } from '../http/client-address.js';
import { Limits } from '../http/limits/limits.service.js';
import { Refusal } from '../kernel/problems.js';
import { Hashing } from '../users/hashing.js';
import type { LoginBody, RegisterBody } from './auth.dto.js';
import type { SessionAnswer } from './sessions.service.js';
import { SignIn } from './sign-in.service.js';

/** Ways in, as requests come to them: each counts for the account that it is about. */
@Injectable()
export class Doors {
  constructor(
    private readonly signIn: SignIn,
    private readonly hashing: Hashing,
    private readonly limits: Limits,
    private readonly addresses: ClientAddresses,
  ) {}

  async register(body: RegisterBody, request: FastifyRequest, reply: FastifyReply): Promise<SessionAnswer> {
    await this.limits.ofAccount(reply, body.email);
    return this.hashing.forOne(() => this.signIn.register(body, this.deviceOf(request)));
  }

  async login(body: LoginBody, request: FastifyRequest, reply: FastifyReply): Promise<SessionAnswer> {
    await this.limits.ofAccount(reply, body.email);
    const mayTry = (seconds: number) => {
      if (seconds === 0) return;
      reply.header('retry-after', seconds);
      throw new Refusal('rate_limited', `Too many sign-ins failed. Try again in ${seconds} s.`);
    };
    return this.hashing.forOne(() => this.signIn.login(body, this.deviceOf(request), mayTry));
  }

  private deviceOf(request: FastifyRequest) {
    return { address: this.addresses.of(request), client: request.headers['user-agent'] ?? '' };
  }
}
