import { Controller, Delete, Get, HttpCode, Param, Query, Req, UseInterceptors } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../../http/caller.js';
import { idOf } from '../../http/ids.js';
import { bareListQuery, Cursors, type BareListQuery } from '../../http/lists.js';
import { Policy, type RoutePolicy } from '../../http/policy.js';
import { Says } from '../../http/says.js';
import { turnsQuery, type TurnsQuery } from './chat.dto.js';
import { noSuchConversation } from './chat.service.js';
import { chatWords, wholeOf } from './chat.words.js';
import { ConversationsStore } from './conversations.store.js';
import { TellsBudget } from '../budget-telling.service.js';

const TURNS = 200;
const own: RoutePolicy = { access: 'signed-in', pace: 'browse', scope: 'ai' };

@UseInterceptors(TellsBudget)
@Controller('api/v1/ai/conversations')
export class ConversationsController {
  constructor(
    private readonly store: ConversationsStore,
    private readonly cursors: Cursors,
  ) {}

  @Policy(own)
  @Says(chatWords.list)
  @Get()
  async list(@Req() request: FastifyRequest, @Query({ schema: bareListQuery }) { limit, cursor }: BareListQuery) {
    const { id: userId } = callerOf(request);
    const list = `conversations ${userId}`;
    const [moment, after] = this.cursors.read(list, cursor)?.split(' ') ?? [];
    const rows = await this.store.list(userId, moment, after, limit + 1);
    return this.cursors.slice(list, rows, limit, ({ updatedAt, id }) => `${updatedAt.toISOString()} ${id}`);
  }

  @Policy(own)
  @Says(chatWords.one)
  @Get(':id')
  async one(@Req() request: FastifyRequest, @Param('id') given: string, @Query({ schema: turnsQuery }) { cursor }: TurnsQuery) {
    const id = idOf(given);
    const conversation = await this.store.find(callerOf(request).id, id);
    if (!conversation) throw noSuchConversation();
    const list = `turns ${id}`;
    const rows = await this.store.turns(id, this.cursors.read(list, cursor), TURNS + 1);
    const { items, nextCursor } = this.cursors.slice(list, rows, TURNS, (turn) => turn.id);
    return { ...wholeOf({ ...conversation, turns: items.reverse() }), nextCursor };
  }

  @Policy(own)
  @Says(chatWords.remove)
  @HttpCode(204)
  @Delete(':id')
  async remove(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    if (!(await this.store.remove(callerOf(request).id, idOf(id)))) throw noSuchConversation();
  }
}
