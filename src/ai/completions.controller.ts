import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from '../http/caller.js';
import { wantsFresh } from '../http/door.js';
import { Policy } from '../http/policy.js';
import { openaiError, refused } from '../http/problem.js';
import { Says } from '../http/says.js';
import { Refusal } from '../kernel/problems.js';
import { completionShape, type CompletionBody } from './ai.dto.js';
import { aiWords } from './ai.words.js';
import { Answers } from './cache/answers.service.js';
import { Prices } from './budget/prices.js';
import { eventStream } from './event-stream.js';
import type { ChatPiece } from './providers/provider.js';
import { tellBudget, tellStream, untilGone } from './replies.js';

/** As any client of OpenAI's API expects it. */
@Controller('v1')
export class CompletionsController {
  constructor(
    private readonly answers: Answers,
    private readonly prices: Prices,
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
    const { standing, pieces, cached } = await this.answers.stream(question, keeps);
    tellBudget(reply, standing, cached);
    tellStream(reply);
    return eventStream(eventsOf(pieces, asked.stream_options?.include_usage === true));
  }

  @Policy({ access: 'signed-in', pace: 'browse', scope: 'ai' })
  @Says(aiWords.models)
  @Get('models')
  models() {
    const data = this.prices.models().map((id) => ({ id, object: 'model', created: 0, owned_by: 'mutirao' }));
    return { object: 'list', data };
  }
}

async function* eventsOf(pieces: AsyncGenerator<ChatPiece, void, void>, tellsUsage: boolean): AsyncGenerator<string, void, void> {
  try {
    for await (const { body } of pieces) {
      const isUsageAlone = Array.isArray(body.choices) && body.choices.length === 0;
      if (tellsUsage || !isUsageAlone) yield `data: ${JSON.stringify(body)}\n\n`;
    }
    yield 'data: [DONE]\n\n';
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    yield `data: ${JSON.stringify(openaiError(refused(fault.code, fault.message)))}\n\n`;
  }
}
