import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from '../http/caller.js';
import { idOf } from '../http/ids.js';
import { bareListQuery, Cursors, type BareListQuery } from '../http/lists.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { budgetShape, grantShape, type BudgetBody, type GrantBody } from './ai.dto.js';
import { aiWords } from './ai.words.js';
import { Budget } from './budget/budget.service.js';
import { dollarsOf, shownStanding } from './budget/budget.words.js';
import { Answers } from './cache/answers.service.js';
import { Grants } from './budget/grants.service.js';
import { tellBudget } from './replies.js';
import { UsageStore } from './budget/usage.store.js';
import { TellsBudget } from './budget-telling.service.js';

@UseInterceptors(TellsBudget)
@Controller('api/v1/ai')
export class BudgetsController {
  constructor(
    private readonly budget: Budget,
    private readonly usage: UsageStore,
    private readonly grants: Grants,
    private readonly answers: Answers,
    private readonly cursors: Cursors,
  ) {}

  @Policy({ access: 'signed-in', pace: 'browse', scope: 'ai' })
  @Says(aiWords.usage)
  @Get('usage')
  async own(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const { id } = callerOf(request);
    const [standing, days] = await Promise.all([this.budget.standing(id), this.usage.byDay(id)]);
    tellBudget(reply, standing);
    const byDay = days.map(({ costNanos, ...day }) => ({ ...day, costUsd: dollarsOf(costNanos) }));
    return { ...shownStanding(standing, this.budget.timeZone), byDay };
  }

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(aiWords.spenders)
  @Get('usage/users')
  async spenders(@Query({ schema: bareListQuery }) { limit, cursor }: BareListQuery) {
    const [used, after] = this.cursors.read('ai usage', cursor)?.split(' ') ?? [];
    const rows = await this.usage.spenders(used, after, limit + 1);
    const { items, nextCursor } = this.cursors.slice('ai usage', rows, limit, ({ used: last, userId }) => `${last} ${userId}`);
    return { items: items.map(({ costNanos, ...row }) => ({ ...row, costUsd: dollarsOf(costNanos) })), nextCursor };
  }

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(aiWords.setBudget)
  @Put('budgets/:userId')
  async set(@Req() request: FastifyRequest, @Param('userId') userId: string, @Body({ schema: budgetShape }) change: BudgetBody) {
    await this.grants.setBudget(callerOf(request).id, idOf(userId), change);
    return { userId, ...shownStanding(await this.budget.standing(userId), this.budget.timeZone) };
  }

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(aiWords.grant)
  @Post('budgets/:userId/grants')
  grant(@Req() request: FastifyRequest, @Param('userId') userId: string, @Body({ schema: grantShape }) grant: GrantBody) {
    return this.grants.give(callerOf(request).id, idOf(userId), grant);
  }

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(aiWords.budget)
  @Get('budgets/:userId')
  async of(@Param('userId') userId: string) {
    await this.grants.mustKnow(idOf(userId));
    const [standing, grants] = await Promise.all([this.budget.standing(userId), this.grants.of(userId)]);
    return { userId, ...shownStanding(standing, this.budget.timeZone), grants };
  }

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(aiWords.endGrant)
  @HttpCode(204)
  @Delete('budgets/:userId/grants/:id')
  endGrant(@Req() request: FastifyRequest, @Param('userId') userId: string, @Param('id') id: string): Promise<void> {
    return this.grants.end(callerOf(request).id, idOf(userId), idOf(id));
  }

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(aiWords.purge)
  @HttpCode(200)
  @Post('cache/purge')
  purge(@Req() request: FastifyRequest) {
    return this.answers.purge(callerOf(request).id);
  }
}
