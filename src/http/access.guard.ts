import { type CanActivate, type ExecutionContext, Injectable, type OnModuleInit, Optional, RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../kernel/problems.js';
import { type Caller, Callers, keyLacks, type Role } from './caller.js';
import { PersonalLimit } from './limits/personal.limit.js';
import { ROUTE_POLICY, type Access, type RoutePolicy } from './policy.js';
import { ROUTE_WORDS, type RouteWords } from './says.js';

interface Route {
  name: string;
  method: string;
  path: string;
  policy: RoutePolicy | undefined;
  words: RouteWords | undefined;
}

const roles: Record<Access, readonly Role[]> = {
  public: ['donor', 'organizer', 'admin'],
  'signed-in': ['donor', 'organizer', 'admin'],
  organizer: ['organizer', 'admin'],
  admin: ['admin'],
};

/** Whether this route is for people like them. */
export const isFor = (access: Access, { role }: Caller): boolean => roles[access].includes(role);

/** Finds out who asks. What proves nothing is refused even where nobody has to sign in. */
@Injectable()
export class Identity {
  constructor(@Optional() private readonly callers?: Callers) {}

  /** At once where it is known, as a promise costs more. */
  find(request: FastifyRequest): void | Promise<void> {
    const caller = this.callers?.identify(request);
    if (caller instanceof Promise) return caller.then((found) => void (request.caller = found));
    request.caller = caller;
  }
}

/** What anyone may read, every key may read: as a stranger, where it is not for reading what is its owner's. */
export function admitKey(caller: Caller, request: FastifyRequest): void {
  const { scopes } = caller;
  if (!scopes) return;
  const { method, route } = request;
  const { access = 'admin', scope } = route.config;
  const reads = method === 'GET' || method === 'HEAD';
  if (scope === undefined && access === 'public' && reads) {
    if (!scopes.includes('read') && !scopes.includes('admin')) request.caller = { ...caller, lacks: 'read' };
    return;
  }
  const needed = scope ?? (access === 'admin' ? 'admin' : reads ? 'read' : 'write');
  if (needed === 'none') throw new Refusal('forbidden', 'No key opens this: sign in.');
  if (!scopes.includes(needed)) throw keyLacks(needed);
}

function cacheFaults({ access, cache }: Partial<RoutePolicy> = {}, method: string): string[] {
  if (!cache) return [];
  return [
    ...(method === 'GET' ? [] : ['only what is asked by GET is kept']),
    ...(cache.audience === 'me' && access === 'public' ? ['a personal answer needs someone signed in'] : []),
    ...(Number.isInteger(cache.seconds) && cache.seconds > 0 ? [] : ['its life is a whole number of seconds']),
  ];
}

/** Lets in whom the route's policy names, and nobody where there is none; then counts them. One guard, as each costs. */
@Injectable()
export class AccessGuard implements CanActivate, OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly identity: Identity,
    private readonly limit: PersonalLimit,
  ) {}

  onModuleInit(): void {
    const open = this.routes().filter(({ policy }) => policy === undefined);
    if (open.length > 0) throw new Error(`routes without a policy: ${open.map(({ name }) => name).join(', ')}`);
    const faults = this.routes().flatMap(({ name, method, policy }) => cacheFaults(policy, method).map((fault) => `${name}: ${fault}`));
    if (faults.length > 0) throw new Error(`routes that cannot be cached: ${faults.join('; ')}`);
  }

  /** At once where nothing has to be proved or counted, as for most requests. */
  canActivate(context: ExecutionContext): true | Promise<true> {
    const [request, reply] = context.getArgs<[FastifyRequest, FastifyReply]>();
    if (request.headers.authorization === undefined || request.caller !== undefined || request.route.config.strangers)
      return this.admit(request, reply);
    const finding = this.identity.find(request);
    return finding ? finding.then(() => this.admit(request, reply)) : this.admit(request, reply);
  }

  private admit(request: FastifyRequest, reply: FastifyReply): true | Promise<true> {
    const { route, caller } = request;
    const { access = 'admin' } = route.config;
    if (access !== 'public') {
      if (!caller) throw new Refusal('unauthenticated');
      if (!isFor(access, caller)) throw new Refusal('forbidden');
    }
    if (caller) admitKey(caller, request);
    return this.limit.count(request, reply);
  }

  /** Every route of this process with its policy. */
  routes(): Route[] {
    return this.discovery.getControllers().flatMap(({ instance, metatype }) => {
      if (typeof instance !== 'object' || instance === null || !metatype) return [];
      const prototype = Object.getPrototypeOf(instance) as Record<string, object>;
      return this.scanner
        .getAllMethodNames(prototype)
        .map((name) => ({ name, handler: prototype[name] ?? {} }))
        .filter(({ handler }) => Reflect.hasMetadata(PATH_METADATA, handler))
        .map(({ name, handler }) => ({
          name: `${metatype.name}.${name}`,
          method: RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler) as number] ?? 'GET',
          path: `/${[metatype, handler]
            .map((part) => String(Reflect.getMetadata(PATH_METADATA, part)).replace(/^\/|\/$/g, ''))
            .filter(Boolean)
            .join('/')}`,
          policy: Reflect.getMetadata(ROUTE_POLICY, handler) as RoutePolicy | undefined,
          words: Reflect.getMetadata(ROUTE_WORDS, handler) as RouteWords | undefined,
        }));
    });
  }
}
