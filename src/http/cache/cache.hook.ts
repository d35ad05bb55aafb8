import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Door, wantsFresh } from '../door.js';
import type { Done } from '../limits/address.limit.js';
import type { CachedRoute } from '../policy.js';
import { addressOf, nameOf } from './address.js';
import { Answers } from './answers.js';
import { dress, hit } from './dress.js';
import type { Found } from './process.tier.js';
import { Tiers } from './tiers.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Where a question is not answered from the cache: under which address it was looked for. */
    missedAt?: string;
  }
}

/** Answers from the cache before Nest is troubled. Who shows a proof is known, let in and counted here as by the guards. */
@Injectable()
export class CacheHook {
  constructor(
    private readonly tiers: Tiers,
    private readonly answers: Answers,
    private readonly door: Door,
  ) {}

  answer(request: FastifyRequest, reply: FastifyReply, done: Done): void {
    const policy = request.route.config.cache;
    if (policy === undefined) done();
    else if (request.headers.authorization !== undefined) this.forCaller(request, reply, policy, done);
    else if (policy.open) this.find(request, reply, policy, done);
    else done();
  }

  private forCaller(request: FastifyRequest, reply: FastifyReply, policy: CachedRoute, done: Done): void {
    this.door.admit(request, reply, (caller) => {
      if (!caller || wantsFresh(request)) done();
      else this.find(request, reply, policy, done, policy.audience === 'me' ? caller.id : undefined);
    });
  }

  private find(request: FastifyRequest, reply: FastifyReply, policy: CachedRoute, done: Done, callerId?: string): void {
    const name = nameOf(request, policy, callerId);
    if (name === undefined) return done();
    const kept = this.tiers.process.peek(name, performance.now());
    if (kept !== undefined) {
      for (const counts of kept.counts) counts.process += 1;
      void reply.send(dress(request, reply, kept.entry, hit(kept)));
      return;
    }
    const tags = policy.tags(request);
    const address = addressOf(name, tags);
    if (address === undefined) return done();
    const use = (found: Found | undefined) => {
      if (found) {
        this.tiers.figures.count(found.tier ?? 'redis', tags);
        void reply.send(dress(request, reply, found.entry, hit(found)));
      } else {
        request.missedAt = address;
        done();
      }
    };
    // A cache in trouble is a cache without an answer.
    this.answers
      .find(address)
      .catch(() => undefined)
      .then(use)
      .catch(done);
  }
}
