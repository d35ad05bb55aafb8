import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf, readerOf, type Caller } from '../http/caller.js';
import { Cursors } from '../http/lists.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import {
  campaignChangeShape,
  campaignsQuery,
  newCampaignShape,
  type CampaignChangeBody,
  type CampaignsQuery,
  type NewCampaignBody,
} from './campaigns.dto.js';
import { HOUR, keptOfAll, keptOfOne, organizers } from './campaigns.policies.js';
import { Campaigns, isPublic } from './campaigns.service.js';
import { CampaignsStore, placeIn, type Filter, type Place } from './campaigns.store.js';
import { statuses } from './campaign.entity.js';
import { campaignWords, itemOf, wholeOf } from './campaigns.words.js';
import { etagOf, versionsIn } from './versions.js';

@Controller('api/v1/campaigns')
export class CampaignsController {
  constructor(
    private readonly campaigns: Campaigns,
    private readonly store: CampaignsStore,
    private readonly cursors: Cursors,
  ) {}

  @Policy(keptOfAll('page', 'limit', 'cursor', 'sort', 'status', 'q', 'ownerId'))
  @Says(campaignWords.list)
  @Get()
  async list(@Req() { caller }: FastifyRequest, @Query({ schema: campaignsQuery }) query: CampaignsQuery) {
    const { sort } = query;
    const filter = filterOf(query, caller);
    const found = await this.cursors.paged(
      `campaigns ${sort} ${JSON.stringify(filter)}`,
      query,
      ({ after, ...from }) =>
        this.store.list(filter, sort, { ...from, after: after === undefined ? undefined : (JSON.parse(after) as Place) }),
      () => this.store.count(filter),
      (row) => JSON.stringify(placeIn(sort, row)),
    );
    return { ...found, items: found.items.map(itemOf), nextCursor: sort === '-raisedCents' ? null : found.nextCursor };
  }

  @Policy(keptOfOne(HOUR))
  @Says(campaignWords.one)
  @Get(':id')
  async one(@Req() { caller }: FastifyRequest, @Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply) {
    const whole = wholeOf(await this.campaigns.seenBy(caller, id));
    reply.header('etag', etagOf(whole));
    return whole;
  }

  @Policy(organizers)
  @Says(campaignWords.create)
  @Post()
  async create(@Req() request: FastifyRequest, @Body({ schema: newCampaignShape }) body: NewCampaignBody) {
    return wholeOf(await this.campaigns.create(callerOf(request), body));
  }

  @Policy(organizers)
  @Says(campaignWords.change)
  @Patch(':id')
  async change(
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: campaignChangeShape }) body: CampaignChangeBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const whole = wholeOf(await this.campaigns.change(callerOf(request), id, body, versionsIn(ifMatch)));
    reply.header('etag', etagOf(whole));
    return whole;
  }

  @Policy(organizers)
  @Says(campaignWords.remove)
  @HttpCode(204)
  @Delete(':id')
  remove(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    return this.campaigns.remove(callerOf(request), id);
  }
}

/** Strangers see what is active or has ended; one's own, and for admins all, are there in every state. */
function filterOf({ q, ownerId, status }: CampaignsQuery, caller: Caller | undefined): Filter {
  // As a stranger first; whoever is signed in is asked for alone.
  const owner = ownerId === 'me' ? readerOf(caller).id : ownerId?.toLowerCase();
  const seen = ownerId === 'me' ? statuses : statuses.filter(isPublic);
  return {
    ...(q ? { q } : {}),
    ...(owner ? { ownerId: owner } : {}),
    statuses: seen.filter((one) => status === undefined || one === status),
  };
}
