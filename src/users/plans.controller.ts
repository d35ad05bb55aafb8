import { Body, Controller, Get, Param, Put, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../http/caller.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { planShape, plansWords, type PlanBody } from './plans.dto.js';
import { Plans, PLANS_TAG } from './plans.service.js';

const PLANS_SECONDS = 3_600;

@Controller('api/v1/plans')
export class PlansController {
  constructor(private readonly plans: Plans) {}

  @Policy({ access: 'public', pace: 'browse', cache: { seconds: PLANS_SECONDS, audience: 'everyone', tags: () => [PLANS_TAG] } })
  @Says(plansWords.list)
  @Get()
  async list() {
    return { items: await this.plans.list(), nextCursor: null };
  }

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(plansWords.change)
  @Put(':id')
  change(@Req() request: FastifyRequest, @Param('id') id: string, @Body({ schema: planShape }) plan: PlanBody) {
    return this.plans.change(callerOf(request).id, { id, ...plan });
  }
}
