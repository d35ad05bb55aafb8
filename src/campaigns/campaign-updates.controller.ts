import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Transactions } from '../database/transactions.js';
import { callerOf } from '../http/caller.js';
import { idOf } from '../http/ids.js';
import { bareListQuery, Cursors, type BareListQuery } from '../http/lists.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { newId } from '../kernel/ids.js';
import { Refusal } from '../kernel/problems.js';
import { updateShape, type UpdateBody } from './campaigns.dto.js';
import { HOUR, keptOfOne, organizers } from './campaigns.policies.js';
import { Campaigns } from './campaigns.service.js';
import { CampaignUpdatesStore } from './campaign-updates.store.js';
import { campaignWords, updateOf } from './campaigns.words.js';

@Controller('api/v1/campaigns/:id/updates')
export class CampaignUpdatesController {
  constructor(
    private readonly campaigns: Campaigns,
    private readonly store: CampaignUpdatesStore,
    private readonly transactions: Transactions,
    private readonly cursors: Cursors,
  ) {}

  @Policy(keptOfOne(HOUR, 'limit', 'cursor'))
  @Says(campaignWords.updates)
  @Get()
  async list(
    @Req() { caller }: FastifyRequest,
    @Param('id') idOrSlug: string,
    @Query({ schema: bareListQuery }) { limit, cursor }: BareListQuery,
  ) {
    const { id } = await this.campaigns.seenBy(caller, idOrSlug);
    const list = `updates ${id}`;
    const rows = await this.store.list(id, this.cursors.read(list, cursor), limit + 1);
    const { items, nextCursor } = this.cursors.slice(list, rows, limit, (row) => row.id);
    return { items: items.map(updateOf), nextCursor };
  }

  @Policy(organizers)
  @Says(campaignWords.tell)
  @Post()
  async tell(@Req() request: FastifyRequest, @Param('id') idOrSlug: string, @Body({ schema: updateShape }) body: UpdateBody) {
    const campaign = await this.campaigns.ownedBy(callerOf(request), idOrSlug);
    return this.transactions.run(async (tx) => {
      this.campaigns.drop(tx, campaign);
      return updateOf(await this.store.add(tx, { id: newId(), campaignId: campaign.id, ...body }));
    });
  }

  @Policy(organizers)
  @Says(campaignWords.untell)
  @HttpCode(204)
  @Delete(':updateId')
  async untell(@Req() request: FastifyRequest, @Param('id') idOrSlug: string, @Param('updateId') updateId: string): Promise<void> {
    const campaign = await this.campaigns.ownedBy(callerOf(request), idOrSlug);
    await this.transactions.run(async (tx) => {
      if (!(await this.store.remove(tx, campaign.id, idOf(updateId)))) throw new Refusal('not_found', 'There are no such news.');
      this.campaigns.drop(tx, campaign);
    });
  }
}
