import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TellsBudget } from '../../ai/budget-telling.service.js';
import { untilGone } from '../../http/until-gone.js';
import { callerOf } from '../../http/caller.js';
import { idOf } from '../../http/ids.js';
import { bareListQuery, Cursors, type BareListQuery } from '../../http/lists.js';
import { Policy } from '../../http/policy.js';
import { Says } from '../../http/says.js';
import { newId } from '../../kernel/ids.js';
import { Refusal } from '../../kernel/problems.js';
import { askSchema, formatQuery, type AskBody, type FormatQuery } from '../analytics.dto.js';
import { analyticsWords } from '../analytics.words.js';
import { Answers } from '../reports/answers.service.js';
import { Questions } from './ask.service.js';
import { wholeOf } from './sessions.belonging.js';
import { SessionsStore } from './sessions.store.js';

const MOST_QUESTIONS = 500;

@Controller('api/v1/analytics')
export class AskController {
  constructor(
    private readonly questions: Questions,
    private readonly answers: Answers,
    private readonly sessions: SessionsStore,
    private readonly cursors: Cursors,
  ) {}

  @Policy({ access: 'organizer', pace: 'costly' })
  @Says(analyticsWords.ask)
  @UseInterceptors(TellsBudget)
  @HttpCode(200)
  @Post('ask')
  async ask(
    @Req() request: FastifyRequest,
    @Body({ schema: askSchema }) body: AskBody,
    @Query({ schema: formatQuery }) { format }: FormatQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const caller = callerOf(request);
    const over = untilGone(reply);
    if (format === 'json') return this.questions.ask(caller, body, over);
    const { question, sessionId = newId(), dryRun } = body;
    if (dryRun)
      throw new Refusal('validation_failed', '1 field is not valid', [{ path: 'dryRun', message: 'takes no format: nothing is run' }]);
    const { sql, owner, meaning, likeness } = await this.questions.understand(caller, question, body.sessionId, over);
    const file = await this.answers.file(reply, format, sql, owner, question, 'answer');
    await this.sessions.add(caller.id, { id: newId(), sessionId, question, sql, meaning, likeness });
    reply.header('x-session-id', sessionId).header('x-sql', encodeURIComponent(sql));
    return file;
  }

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(analyticsWords.sessions)
  @Get('sessions')
  async list(@Req() request: FastifyRequest, @Query({ schema: bareListQuery }) { limit, cursor }: BareListQuery) {
    const { id: userId } = callerOf(request);
    const list = `question sessions ${userId}`;
    const [moment, after] = this.cursors.read(list, cursor)?.split(' ') ?? [];
    const rows = await this.sessions.list(userId, moment, after, limit + 1);
    return this.cursors.slice(list, rows, limit, ({ updatedAt, id }) => `${updatedAt.toISOString()} ${id}`);
  }

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(analyticsWords.session)
  @Get('sessions/:id')
  async one(@Req() request: FastifyRequest, @Param('id') id: string) {
    const session = await this.sessions.find(callerOf(request).id, idOf(id));
    if (!session) throw noSuchSession();
    return wholeOf({ ...session, turns: await this.sessions.turns(session.id, MOST_QUESTIONS) });
  }

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(analyticsWords.forget)
  @HttpCode(204)
  @Delete('sessions/:id')
  async forget(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    if (!(await this.sessions.remove(callerOf(request).id, idOf(id)))) throw noSuchSession();
  }
}

const noSuchSession = () => new Refusal('not_found', 'There is no such session of yours.');
