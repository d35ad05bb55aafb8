import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf, type Caller } from '../../http/caller.js';
import { idOf } from '../../http/ids.js';
import { Cursors } from '../../http/lists.js';
import { Policy } from '../../http/policy.js';
import { Says } from '../../http/says.js';
import { messagesQuery, newMessageShape, resolveShape, type MessagesQuery, type NewMessageBody, type ResolveBody } from './messages.dto.js';
import { Messages } from './messages.service.js';
import { MessagesStore, type MessageView } from './messages.store.js';
import { itemOf, messageWords } from './messages.words.js';

@Controller('api/v1/queues/whatsapp/messages')
export class MessagesController {
  constructor(
    private readonly messages: Messages,
    private readonly store: MessagesStore,
    private readonly cursors: Cursors,
  ) {}

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(messageWords.send)
  @HttpCode(202)
  @Post()
  async send(
    @Req() request: FastifyRequest,
    @Body({ schema: newMessageShape }) body: NewMessageBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { isNew, answer } = await this.messages.send(callerOf(request), body);
    if (!isNew) void reply.status(200);
    return answer;
  }

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(messageWords.list)
  @Get()
  async list(@Req() request: FastifyRequest, @Query({ schema: messagesQuery }) { status, ...asked }: MessagesQuery) {
    const { id, role } = callerOf(request);
    const which = { senderId: role === 'admin' ? undefined : id, status };
    const found = await this.cursors.paged(
      `messages ${which.senderId ?? 'all'} ${status ?? ''}`,
      asked,
      (from) => this.store.list(which, from),
      () => this.store.count(which),
    );
    return { ...found, items: found.items.map((message) => itemOf(message, role)) };
  }

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(messageWords.one)
  @Get(':id')
  async one(@Req() request: FastifyRequest, @Param('id') id: string) {
    const caller = callerOf(request);
    return this.whole(await this.messages.seenBy(caller, idOf(id)), caller);
  }

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(messageWords.resolve)
  @HttpCode(200)
  @Post(':id/resolve')
  async resolve(@Req() request: FastifyRequest, @Param('id') id: string, @Body({ schema: resolveShape }) { outcome }: ResolveBody) {
    const caller = callerOf(request);
    return this.whole(await this.messages.resolve(caller, idOf(id), outcome), caller);
  }

  private async whole(message: MessageView, { role }: Caller) {
    const [place, told] = await Promise.all([this.messages.place(message.id), this.store.told(message.id)]);
    return { ...itemOf(message, role), ...place, told };
  }
}
