import { Body, Controller, Get, HttpCode, Inject, Param, Post, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { untilGone } from '../http/until-gone.js';
import { callerOf } from '../http/caller.js';
import { wantsFresh } from '../http/door.js';
import { eventStream, tellStream } from '../http/event-stream.js';
import { Policy } from '../http/policy.js';
import { openaiError } from '../http/problem.js';
import { Says } from '../http/says.js';
import { Refusal } from '../kernel/problems.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { completionShape, type CompletionBody } from './ai.dto.js';
import { aiWords } from './ai.words.js';
import { Budget } from './budget/budget.service.js';
import { Answers, type StreamedAnswer } from './cache/answers.service.js';
import { Prices } from './budget/prices.js';
import { brokenOff, tellBudget } from './replies.js';
import { soon } from './soon.js';
import { TellsBudget } from './budget-telling.service.js';

/** As any client of OpenAI's API expects it. */
@UseInterceptors(TellsBudget)
@Controller('v1')
export class CompletionsController {
  constructor(
    private readonly answers: Answers,
    private readonly prices: Prices,
    private readonly budget: Budget,
    @Inject(LOG) private readonly log: Log,
  ) {}

  @Policy({ access: 'signed-in', pace: 'costly', scope: 'ai', early: true })
  @Says(aiWords.complete)
  @HttpCode(200)
  @Post('chat/completions')
  async complete(
    @Req() request: FastifyRequest,
    @Body({ schema: completionShape }) { stream, ...asked }: CompletionBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const question = { userId: callerOf(request).id, asked, over: untilGone(reply) };
    const keeps = asked.temperature === 0 && !wantsFresh(request);
    if (!stream) {
      const answer = await this.answers.answer(question, keeps, request.text);
      tellBudget(reply, answer.standing, answer.cached);
      if (!answer.bytes) return answer.body;
      reply.type('application/json; charset=utf-8');
      return answer.bytes;
    }
    const streaming = this.answers.stream(question, keeps);
    let begun: StreamedAnswer | undefined;
    // Whoever waits for somebody's equal question begins without it where that takes its time.
    await soon(streaming.then((stream) => (begun = stream)));
    tellBudget(reply, begun?.standing ?? (await this.budget.lately(question.userId)), begun?.cached);
    tellStream(reply);
    return eventStream(this.eventsOf(streaming, asked.stream_options?.include_usage === true, request.id));
  }

  @Policy({ access: 'signed-in', pace: 'browse', scope: 'ai' })
  @Says(aiWords.models)
  @Get('models')
  models() {
    return { object: 'list', data: this.prices.models().map(shownModel) };
  }

  @Policy({ access: 'signed-in', pace: 'browse', scope: 'ai' })
  @Says(aiWords.model)
  @Get('models/:id')
  model(@Param('id') id: string) {
    if (!this.prices.models().includes(id))
      throw new Refusal(
        'model_not_found',
        `There is no model ${JSON.stringify(id.slice(0, 100))} here. GET /v1/models tells which there are.`,
      );
    return shownModel(id);
  }

  private async *eventsOf(streaming: Promise<StreamedAnswer>, tellsUsage: boolean, requestId: string): AsyncGenerator<string, void, void> {
    try {
      for await (const { body } of (await streaming).pieces) {
        const isUsageAlone = Array.isArray(body.choices) && body.choices.length === 0;
        if (tellsUsage || !isUsageAlone) yield `data: ${JSON.stringify(body)}\n\n`;
      }
      yield 'data: [DONE]\n\n';
    } catch (fault) {
      yield `data: ${JSON.stringify(openaiError(brokenOff(fault, this.log, requestId)))}\n\n`;
    }
  }
}

const shownModel = (id: string) => ({ id, object: 'model', created: 0, owned_by: 'mutirao' });
