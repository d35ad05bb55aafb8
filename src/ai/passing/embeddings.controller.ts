import { Body, Controller, HttpCode, Inject, Post, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { untilGone } from '../../http/until-gone.js';
import { callerOf } from '../../http/caller.js';
import { Policy } from '../../http/policy.js';
import { Says } from '../../http/says.js';
import { embeddingTokensOf } from '../counting.js';
import { PROVIDER, type Provider } from '../providers/provider.js';
import { tellBudget } from '../replies.js';
import { PaidCalls } from '../paid-calls.service.js';
import { embeddingsShape, type EmbeddingsBody } from './passing.dto.js';
import { passingWords } from './passing.words.js';
import { TellsBudget } from '../budget-telling.service.js';

@UseInterceptors(TellsBudget)
@Controller('v1')
export class EmbeddingsController {
  constructor(
    private readonly calls: PaidCalls,
    @Inject(PROVIDER) private readonly provider: Provider,
  ) {}

  @Policy({ access: 'signed-in', pace: 'costly', scope: 'ai' })
  @Says(passingWords.embed)
  @HttpCode(200)
  @Post('embeddings')
  async embed(
    @Req() request: FastifyRequest,
    @Body({ schema: embeddingsShape }) asked: EmbeddingsBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const model = asked.model ?? this.provider.model;
    const prompt = embeddingTokensOf(asked);
    const { answer, standing } = await this.calls.make({
      alone: true,
      ...{ userId: callerOf(request).id, model, prompt, completion: 0, over: untilGone(reply) },
      ask: (over) => this.provider.embeddings({ ...asked, model }, over),
      guess: () => ({ promptTokens: prompt, completionTokens: 0 }),
    });
    tellBudget(reply, standing);
    return answer.body;
  }
}
