import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Body, Controller, Get, Global, Headers, Injectable, Module, type OnModuleInit, Post, Query, Req, Res } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Callers } from '../../src/http/caller.js';
import { ClientAddresses } from '../../src/http/client-address.js';
import { Limits } from '../../src/http/limits/limits.service.js';
import { Policy, type Pace } from '../../src/http/policy.js';
import { Refusal } from '../../src/kernel/problems.js';
import { trustingCallers } from './callers.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heap = () => {
  collect();
  return process.memoryUsage().heapUsed;
};

const open = (pace: Pace) => ({ access: 'public', pace }) as const;

/** One route of each pace, and what the process has counted. */
@Controller('limits')
class LimitsController {
  constructor(
    private readonly limits: Limits,
    private readonly addresses: ClientAddresses,
  ) {}

  @Policy(open('none'))
  @Get('figures')
  figures() {
    return this.limits.figures;
  }

  @Policy(open('none'))
  @Get('address')
  address(@Req() request: FastifyRequest) {
    return { address: this.addresses.of(request), network: this.limits.networkOf(request) };
  }

  /** So many addresses, as a botnet has, each behind a long story, and how much memory they took for good. */
  @Policy(open('none'))
  @Post('flood')
  async flood(@Query('addresses') addresses: string) {
    const before = heap();
    for (let n = 0; n < Number(addresses); n += 1) {
      const headers = { 'x-forwarded-for': `${'9.9.9.9,'.repeat(500)}210.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}` };
      const verdict = this.limits.ofAddress({ headers, raw: { socket: { remoteAddress: '127.0.0.1' } } } as unknown as FastifyRequest);
      if (n % 1_000 === 0) await verdict;
    }
    return { ...this.limits.figures, grown: heap() - before };
  }

  @Policy(open('browse'))
  @Get('browse')
  browse() {
    return { seen: true };
  }

  @Policy(open('costly'))
  @Get('costly')
  costly() {
    return { seen: true };
  }

  @Policy({ access: 'signed-in', pace: 'costly' })
  @Get('mine')
  mine() {
    return { seen: true };
  }

  @Policy(open('auth'))
  @Post('sign-in')
  async signIn(@Body() { account }: { account: string }, @Res({ passthrough: true }) reply: FastifyReply) {
    await this.limits.ofAccount(reply, account);
    return { seen: true };
  }

  @Policy(open('webhook'))
  @Post('webhook/:secret')
  async webhook(@Headers('x-proof') proof: string, @Res({ passthrough: true }) reply: FastifyReply) {
    if (proof === 'right') return { seen: true };
    await this.limits.ofWrongProof(reply);
    throw new Refusal('unauthenticated');
  }
}

/** A route that Nest does not know, as those of the documentation are. */
@Injectable()
class RawRoute implements OnModuleInit {
  constructor(private readonly host: HttpAdapterHost<FastifyAdapter>) {}
  onModuleInit(): void {
    this.host.httpAdapter.getInstance<FastifyInstance>().get('/limits/raw', { config: open('browse') }, async () => ({ seen: true }));
  }
}

@Global()
@Module({ controllers: [LimitsController], providers: [RawRoute, trustingCallers], exports: [Callers] })
export class LimitsLab {}
