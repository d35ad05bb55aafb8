import { applyDecorators, SetMetadata, UseInterceptors } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { CacheInterceptor } from './cache/cache.interceptor.js';
import type { Scope } from './caller.js';

/** Who may call: anyone, whoever is signed in, organizers and admins, admins alone. */
export type Access = 'public' | 'signed-in' | 'organizer' | 'admin';

/**
 * Which limits hold besides that of the address: none at all (probes), only the address (`browse`, and a
 * person's own where one is signed in), the tight one of costly work, the one of sign-ins, or for webhooks
 * only that of wrong proofs.
 */
export type Pace = 'none' | 'browse' | 'costly' | 'auth' | 'webhook';

export interface CachePolicy {
  /** Longest life of the answer in Redis. */
  seconds: number;
  /**
   * One answer for all, which is made as for a stranger whoever asks; or one for each caller, which is
   * never kept in the process.
   */
  audience: 'everyone' | 'me';
  /** What the answer was made of; whoever changes that drops the tag. */
  tags: (request: FastifyRequest) => string[];
  /** Names of the query parameters that the answer depends on; all others are ignored. */
  query?: readonly string[];
}

/** All rules of a route, above its handler. */
export interface RoutePolicy {
  access: Access;
  pace: Pace;
  /** What a key must be for; by itself `read` or `write`, and `admin` for admins. `none`: people only, signed in. */
  scope?: Scope | 'none';
  /** Whether nobody looks at what a caller shows of himself: he is about to prove it anew. */
  strangers?: true;
  /** Whether it reads forms beside JSON. */
  forms?: true;
  /** Whether it takes uploads, and nothing else, which it reads itself when it wants them. */
  uploads?: true;
  /** Whether a feature may answer before Nest to words that it knows. */
  early?: true;
  cache?: CachePolicy;
}

export const ROUTE_POLICY = Symbol('route policy');

/** A cached route, as Fastify knows it. */
export interface CachedRoute extends CachePolicy {
  access: Access;
  pace: Pace;
  /** Whether a stranger may have the answer. */
  open: boolean;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
    pace?: Pace;
    scope?: Scope | 'none';
    strangers?: true;
    forms?: true;
    uploads?: true;
    early?: true;
    cache?: CachedRoute;
  }
}

/**
 * All of it is told to Fastify as well, whose hooks come before any guard. The interceptor stands only
 * where something is cached: one for all would double the cost of a small route, whatever it did there.
 */
export const Policy = (policy: RoutePolicy) =>
  applyDecorators(
    SetMetadata(ROUTE_POLICY, policy),
    RouteConfig({
      access: policy.access,
      pace: policy.pace,
      scope: policy.scope,
      strangers: policy.strangers,
      forms: policy.forms,
      uploads: policy.uploads,
      early: policy.early,
      cache: cachedRoute(policy),
    }),
    ...(policy.cache ? [UseInterceptors(CacheInterceptor)] : []),
  );

const cachedRoute = ({ access, pace, cache }: RoutePolicy): CachedRoute | undefined =>
  cache && {
    ...cache,
    access,
    pace,
    query: cache.query && [...cache.query].sort(),
    open: access === 'public' && cache.audience === 'everyone',
  };
