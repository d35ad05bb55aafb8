import { Body, Controller, Get, Param, Put, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../http/caller.js';
import { bareListQuery, Cursors, type BareListQuery } from '../http/lists.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { planShape, plansWords, type PlanBody } from './plans.dto.js';
import { Plans, PLANS_TAG } from './plans.service.js';

const PLANS_SECONDS = 3_600;

@Controller('api/v1/plans')
export class PlansController {
  constructor(
    private readonly plans: Plans,
    private readonly cursors: Cursors,
  ) {}

  @Policy({
    access: 'public',
    pace: 'browse',
    cache: { seconds: PLANS_SECONDS, audience: 'everyone', tags: () => [PLANS_TAG], query: ['limit', 'cursor'] },
  })
  @Says(plansWords.list)
  @Get()
  async list(@Query({ schema: bareListQuery }) { limit, cursor }: BareListQuery) {
    const after = this.cursors.read('plans', cursor);
    const plans = await this.plans.list();
    const rest = plans.slice(plans.findIndex(({ id }) => id === after) + 1);
    return this.cursors.slice('plans', rest, limit, ({ id }) => id);
  }

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(plansWords.change)
  @Put(':id')
  change(@Req() request: FastifyRequest, @Param('id') id: string, @Body({ schema: planShape }) plan: PlanBody) {
    return this.plans.change(callerOf(request).id, { id, ...plan });
  }
}
