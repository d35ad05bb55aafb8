import { Body, Controller, HttpCode, Inject, Post, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from '../../http/caller.js';
import { Policy } from '../../http/policy.js';
import { Says } from '../../http/says.js';
import { Budget } from '../budget/budget.service.js';
import { Rounds } from '../chat/rounds.service.js';
import { promptTokensOf, wishedOf } from '../counting.js';
import { dollarsOf, shownStanding } from '../budget/budget.words.js';
import { Prices } from '../budget/prices.js';
import { PROVIDER, type Provider } from '../providers/provider.js';
import { previewShape, type PreviewBody } from './passing.dto.js';
import { Tokenizers } from '../tokenizers.js';
import { tellBudget } from '../replies.js';
import { passingWords } from './passing.words.js';
import { TellsBudget } from '../budget-telling.service.js';

@UseInterceptors(TellsBudget)
@Controller('api/v1/ai')
export class PreviewController {
  constructor(
    private readonly budget: Budget,
    private readonly prices: Prices,
    private readonly tokenizers: Tokenizers,
    private readonly rounds: Rounds,
    @Inject(PROVIDER) private readonly provider: Provider,
  ) {}

  /** Nobody is asked, and nothing is kept back. */
  @Policy({ access: 'signed-in', pace: 'browse', scope: 'ai' })
  @Says(passingWords.preview)
  @HttpCode(200)
  @Post('preview')
  async preview(
    @Req() request: FastifyRequest,
    @Body({ schema: previewShape }) { message, ...given }: PreviewBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const asked = { ...(message === undefined ? {} : this.rounds.opening(message)), ...given };
    const model = asked.model ?? this.provider.model;
    this.prices.check(model);
    const standing = await this.budget.standing(callerOf(request).id);
    tellBudget(reply, standing);
    const promptTokens = promptTokensOf({ ...asked, model }, this.tokenizers.for(model));
    const { completion: completionTokens, nanos, fits } = this.budget.worstOf(standing, model, promptTokens, wishedOf(asked).completion);
    const most = { promptTokens, completionTokens };
    return {
      ...{ model, ...most, totalTokens: promptTokens + completionTokens },
      costUsd: dollarsOf(nanos),
      fits,
      budget: shownStanding(standing, this.budget.timeZone),
    };
  }
}
