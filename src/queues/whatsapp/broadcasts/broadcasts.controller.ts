import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Campaigns } from '../../../campaigns/campaigns.service.js';
import { callerOf } from '../../../http/caller.js';
import { idOf } from '../../../http/ids.js';
import { Cursors } from '../../../http/lists.js';
import { Policy } from '../../../http/policy.js';
import { Says } from '../../../http/says.js';
import { broadcastShape, broadcastsQuery, type BroadcastBody, type BroadcastsQuery } from './broadcasts.dto.js';
import { Broadcasts } from './broadcasts.service.js';
import { BroadcastsStore, type BroadcastView, type Move } from './broadcasts.store.js';
import { broadcastWords } from './broadcasts.words.js';
import { Forecast } from './forecast.service.js';

@Controller('api/v1/queues/whatsapp/broadcasts')
export class BroadcastsController {
  constructor(
    private readonly broadcasts: Broadcasts,
    private readonly store: BroadcastsStore,
    private readonly forecast: Forecast,
    private readonly campaigns: Campaigns,
    private readonly cursors: Cursors,
  ) {}

  @Policy({ access: 'organizer', pace: 'costly' })
  @Says(broadcastWords.send)
  @Post()
  async send(
    @Req() request: FastifyRequest,
    @Body({ schema: broadcastShape }) body: BroadcastBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { isNew, broadcast } = await this.broadcasts.create(callerOf(request), body);
    if (!isNew) void reply.status(200);
    return this.whole(broadcast);
  }

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(broadcastWords.list)
  @Get()
  async list(@Req() request: FastifyRequest, @Query({ schema: broadcastsQuery }) { campaignId: asked, ...part }: BroadcastsQuery) {
    const caller = callerOf(request);
    const campaignId = asked === undefined ? undefined : (await this.campaigns.ownedBy(caller, asked)).id;
    const senderId = campaignId === undefined && caller.role !== 'admin' ? caller.id : undefined;
    const which = { campaignId, senderId };
    return this.cursors.paged(
      `broadcasts ${campaignId ?? ''} ${senderId ?? ''}`,
      part,
      (from) => this.store.list(which, from),
      () => this.store.count(which),
    );
  }

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(broadcastWords.one)
  @Get(':id')
  async one(@Req() request: FastifyRequest, @Param('id') id: string) {
    return this.whole(await this.broadcasts.seenBy(callerOf(request), idOf(id)));
  }

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(broadcastWords.pause)
  @HttpCode(200)
  @Post(':id/pause')
  pause(@Req() request: FastifyRequest, @Param('id') id: string) {
    return this.move(request, id, 'pause');
  }

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(broadcastWords.resume)
  @HttpCode(200)
  @Post(':id/resume')
  resume(@Req() request: FastifyRequest, @Param('id') id: string) {
    return this.move(request, id, 'resume');
  }

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(broadcastWords.cancel)
  @HttpCode(200)
  @Post(':id/cancel')
  cancel(@Req() request: FastifyRequest, @Param('id') id: string) {
    return this.move(request, id, 'cancel');
  }

  private async move(request: FastifyRequest, id: string, move: Move) {
    return this.whole(await this.broadcasts.move(callerOf(request), idOf(id), move));
  }

  private async whole(broadcast: BroadcastView) {
    return { ...broadcast, endsAt: await this.forecast.endOf(broadcast) };
  }
}
