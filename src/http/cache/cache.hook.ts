import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { addressOf, nameOf } from './address.js';
import { Answers } from './answers.js';
import { dress, hit } from './dress.js';
import { Tiers } from './tiers.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Where a stranger's question is not answered from the cache: under which address it was looked for. */
    missedAt?: string;
  }
}

/** Answers strangers from the cache, before anything of Nest is troubled; who shows a proof goes through its guards. */
@Injectable()
export class CacheHook {
  constructor(
    private readonly tiers: Tiers,
    private readonly answers: Answers,
  ) {}

  answer(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    const policy = request.routeOptions.config.cache;
    if (policy === undefined || !policy.open || request.headers.authorization !== undefined) return done();
    const name = nameOf(request, policy);
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
    void this.answers.find(address).then((found) => {
      if (found) {
        this.tiers.figures.count(found.tier ?? 'redis', tags);
        void reply.send(dress(request, reply, found.entry, hit(found)));
      } else {
        request.missedAt = address;
        done();
      }
    });
  }
}
