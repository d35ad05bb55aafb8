import { Body, Controller, HttpCode, Inject, Post, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { untilGone } from '../../http/until-gone.js';
import { callerOf } from '../../http/caller.js';
import { wantsFresh } from '../../http/door.js';
import { eventStream, tellStream } from '../../http/event-stream.js';
import { Policy } from '../../http/policy.js';
import { problemOf } from '../../http/problem.js';
import { Says } from '../../http/says.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import { Budget } from '../budget/budget.service.js';
import { shownStanding } from '../budget/budget.words.js';
import { brokenOff, tellBudget } from '../replies.js';
import { soon } from '../soon.js';
import { chatShape, type ChatBody } from './chat.dto.js';
import { Chat, type Turn } from './chat.service.js';
import { chatWords, usageOf } from './chat.words.js';
import { TellsBudget } from '../budget-telling.service.js';

const PATH = '/api/v1/ai/chat';

@UseInterceptors(TellsBudget)
@Controller('api/v1/ai')
export class ChatController {
  constructor(
    private readonly chat: Chat,
    private readonly budget: Budget,
    @Inject(LOG) private readonly log: Log,
  ) {}

  @Policy({ access: 'signed-in', pace: 'costly', scope: 'ai' })
  @Says(chatWords.ask)
  @HttpCode(200)
  @Post('chat')
  async ask(
    @Req() request: FastifyRequest,
    @Body({ schema: chatShape }) { stream: streams = false, ...asked }: ChatBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id: userId } = callerOf(request);
    const turn = await this.chat.begin({ userId, ...asked, streams, keeps: !wantsFresh(request), over: untilGone(reply) });
    // Whatever is refused before the first word is an answer like any other.
    const first = turn.pieces.next();
    reply.header('x-conversation-id', turn.conversationId);
    if (streams) {
      await soon(first);
      tellBudget(reply, turn.tally.standing ?? (await this.budget.lately(userId)), turn.tally.cached);
      tellStream(reply);
      return eventStream(this.eventsOf(turn, first, userId, request.id));
    }
    for (let next = await first; !next.done; next = await turn.pieces.next());
    const standing = await this.budget.standing(userId);
    tellBudget(reply, standing, turn.tally.cached);
    const { conversationId, reply: text } = turn;
    const budget = shownStanding(standing, this.budget.timeZone);
    return { conversationId, reply: text, cached: isHit(turn), usage: usageIn(turn), budget };
  }

  private async *eventsOf(
    turn: Turn,
    first: Promise<IteratorResult<string, void>>,
    userId: string,
    requestId: string,
  ): AsyncGenerator<string, void, void> {
    try {
      for (let next = await first; !next.done; next = await turn.pieces.next()) yield eventOf('delta', { text: next.value });
      const budget = shownStanding(await this.budget.standing(userId), this.budget.timeZone);
      yield eventOf('usage', { ...usageIn(turn), budget });
      const { id: turnId, conversationId, cut } = turn;
      yield eventOf('done', { conversationId, turnId, cached: isHit(turn), cut });
    } catch (fault) {
      yield eventOf('error', { ...problemOf(brokenOff(fault, this.log, requestId), requestId, PATH), conversationId: turn.conversationId });
    } finally {
      await turn.pieces.return();
    }
  }
}

const isHit = ({ tally }: Turn): boolean => tally.cached === 'HIT';
const usageIn = ({ tally }: Turn) => usageOf(tally.usage, tally.costNanos);
const eventOf = (name: string, data: object): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
