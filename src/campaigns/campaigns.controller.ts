import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from '../http/caller.js';
import { Cursors } from '../http/lists.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { Refusal } from '../kernel/problems.js';
import {
  campaignChangeShape,
  campaignsQuery,
  newCampaignShape,
  type CampaignChangeBody,
  type CampaignsQuery,
  type NewCampaignBody,
} from './campaigns.dto.js';
import { Campaigns, CAMPAIGNS_TAG, campaignTag, isPublic } from './campaigns.service.js';
import { CampaignsStore, placeIn, type Filter } from './campaigns.store.js';
import { statuses } from './campaign.entity.js';
import { campaignWords, itemOf, wholeOf } from './campaigns.words.js';
import { etagOf, versionIn } from './versions.js';

const SECONDS = 3_600;
const organizers = { access: 'organizer', pace: 'browse' } as const;

@Controller('api/v1/campaigns')
export class CampaignsController {
  constructor(
    private readonly campaigns: Campaigns,
    private readonly store: CampaignsStore,
    private readonly cursors: Cursors,
  ) {}

  @Policy({
    access: 'public',
    pace: 'browse',
    cache: {
      seconds: SECONDS,
      audience: 'everyone',
      tags: () => [CAMPAIGNS_TAG],
      query: ['page', 'limit', 'cursor', 'sort', 'status', 'q', 'ownerId'],
    },
  })
  @Says(campaignWords.list)
  @Get()
  async list(@Req() { caller }: FastifyRequest, @Query({ schema: campaignsQuery }) query: CampaignsQuery) {
    const { sort, limit, cursor, page } = query;
    const filter = filterOf(query, caller?.id);
    const list = `campaigns ${sort} ${JSON.stringify(filter)}`;
    const place = this.cursors.read(list, cursor);
    const after = place === undefined ? undefined : (JSON.parse(place) as [string, string]);
    const start = { after, skip: ((page ?? 1) - 1) * limit, take: limit + 1 };
    const [rows, total] = await Promise.all([this.store.list(filter, sort, start), this.store.count(filter)]);
    const { items, nextCursor } = this.cursors.slice(list, rows, limit, (row) => JSON.stringify(placeIn(sort, row)));
    return {
      items: items.map(itemOf),
      nextCursor: sort === '-raisedCents' ? null : nextCursor,
      total,
      page: cursor === undefined ? (page ?? 1) : null,
      limit,
    };
  }

  @Policy({
    access: 'public',
    pace: 'browse',
    cache: { seconds: SECONDS, audience: 'everyone', tags: ({ params }) => [campaignTag((params as { id: string }).id)] },
  })
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
    const whole = wholeOf(await this.campaigns.change(callerOf(request), id, body, versionIn(ifMatch)));
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
function filterOf({ q, ownerId, status }: CampaignsQuery, callerId: string | undefined): Filter {
  // As a stranger first; whoever is signed in is asked for alone.
  if (ownerId === 'me' && callerId === undefined) throw new Refusal('unauthenticated');
  const seen = ownerId === 'me' ? statuses : statuses.filter(isPublic);
  return {
    ...(q ? { q } : {}),
    ...(ownerId ? { ownerId: ownerId === 'me' ? callerId : ownerId.toLowerCase() } : {}),
    statuses: seen.filter((one) => status === undefined || one === status),
  };
}
