import type { BlockList } from 'node:net';
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { blockList } from '../config/kinds.js';
import { ClientAddresses, isWithin, peerOf } from '../http/client-address.js';
import { Refusal } from '../kernel/problems.js';

const loopback = blockList(['127.0.0.0/8', '::1']);
/** Whoever adds one of these passes on what somebody else asked. */
const FORWARDING =
  /forwarded|client-?ip|(?:real|user|remote|proxyuser)-ip|envoy|^(?:via$|x-original-|x-host$|x-amzn-|x-azure-|x-appengine-|cf-|cdn-|fastly-|fly-)/;

/** Lets in who asks on this very machine, from an address that may, or as an admin, whose key needs the scope. */
@Injectable()
export class MetricsGuard implements CanActivate {
  private readonly allowed: BlockList;

  constructor(
    private readonly addresses: ClientAddresses,
    @Inject(CONFIG) { METRICS_ALLOW }: Pick<Config, 'METRICS_ALLOW'>,
  ) {
    this.allowed = blockList(METRICS_ALLOW);
  }

  canActivate(context: ExecutionContext): true {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { caller } = request;
    if (caller?.role === 'admin' || isWithin(this.allowed, this.addresses.of(request)) || this.isNear(request)) return true;
    throw new Refusal(caller ? 'forbidden' : 'unauthenticated');
  }

  private isNear(request: FastifyRequest): boolean {
    return isWithin(loopback, peerOf(request)) && !Object.keys(request.headers).some((name) => FORWARDING.test(name));
  }
}
