import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Belongings, type Belonging } from '../users/belongings.service.js';
import type { Tx } from '../database/transactions.js';
import { CampaignUpdatesStore } from './campaign-updates.store.js';
import { Campaigns } from './campaigns.service.js';
import { CampaignsStore } from './campaigns.store.js';
import { statuses } from './campaign.entity.js';
import { updateOf, wholeOf } from './campaigns.words.js';

const MOST = 10_000;

/** What somebody asks others to give for: it stays when he goes, without his name. */
@Injectable()
export class CampaignsOfPeople implements Belonging, OnModuleInit {
  readonly name = 'campaigns';

  constructor(
    private readonly belongings: Belongings,
    private readonly store: CampaignsStore,
    private readonly updates: CampaignUpdatesStore,
    private readonly campaigns: Campaigns,
  ) {}

  onModuleInit(): void {
    this.belongings.add(this);
  }

  async export(userId: string): Promise<unknown> {
    const own = await this.store.listWhole({ statuses, ownerId: userId }, { skip: 0, take: MOST });
    const updates = new Map(own.map(({ id }) => [id, [] as ReturnType<typeof updateOf>[]]));
    for (const update of await this.updates.toldBy(userId)) updates.get(update.campaignId)?.push(updateOf(update));
    return own.map((campaign) => ({ ...wholeOf(campaign), updates: updates.get(campaign.id) }));
  }

  /** What takes gifts pauses, as nobody would answer for it. */
  async erase(tx: Tx, userId: string): Promise<void> {
    await this.store.pauseAllOf(tx, userId);
    await this.renamed(tx, userId);
  }

  async renamed(tx: Tx, userId: string): Promise<void> {
    for (const campaign of await this.store.listWhole({ statuses, ownerId: userId }, { skip: 0, take: MOST }))
      this.campaigns.drop(tx, campaign);
  }
}
