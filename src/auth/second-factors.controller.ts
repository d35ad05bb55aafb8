import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { callerOf, type Caller } from '../http/caller.js';
import { Limits } from '../http/limits/limits.service.js';
import { nothing, type Nothing } from '../http/nothing.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { secondFactorWords } from './second-factors.words.js';
import { SecondFactors, type Proposal } from './second-factors.service.js';

const own = { access: 'signed-in', pace: 'browse', scope: 'none' } as const;
const tried = { ...own, pace: 'auth' } as const;

export const codeShape = z.strictObject({ code: z.string().trim().min(6).max(40) }).meta({ id: 'OneTimeCode' });
type CodeBody = z.output<typeof codeShape>;

@Controller('api/v1/auth/otp')
export class SecondFactorsController {
  constructor(
    private readonly second: SecondFactors,
    private readonly limits: Limits,
  ) {}

  @Policy(own)
  @Says(secondFactorWords.enable)
  @HttpCode(200)
  @Post('enable')
  enable(@Req() request: FastifyRequest, @Body({ schema: nothing }) _: Nothing): Promise<Proposal> {
    return this.second.propose(callerOf(request));
  }

  @Policy(tried)
  @Says(secondFactorWords.confirm)
  @HttpCode(204)
  @Post('confirm')
  async confirm(
    @Req() request: FastifyRequest,
    @Body({ schema: codeShape }) { code }: CodeBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await this.second.confirm(await this.counted(request, reply), code);
  }

  @Policy(tried)
  @Says(secondFactorWords.disable)
  @HttpCode(204)
  @Post('disable')
  async disable(
    @Req() request: FastifyRequest,
    @Body({ schema: codeShape }) { code }: CodeBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await this.second.disable(await this.counted(request, reply), code);
  }

  /** Codes are tried no oftener than passwords. */
  private async counted(request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
    const caller = callerOf(request);
    await this.limits.ofAccount(reply, caller.id);
    return caller;
  }
}
