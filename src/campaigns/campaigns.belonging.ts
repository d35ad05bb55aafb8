import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Belongings, type Belonging } from '../users/belongings.service.js';
import type { Tx } from '../database/transactions.js';
import { Campaigns } from './campaigns.service.js';
import { CampaignsStore } from './campaigns.store.js';
import { statuses } from './campaign.entity.js';
import { wholeOf } from './campaigns.words.js';

const MOST = 10_000;

/** What somebody asks others to give for: it stays when he goes, without his name. */
@Injectable()
export class CampaignsOfPeople implements Belonging, OnModuleInit {
  readonly name = 'campaigns';

  constructor(
    private readonly belongings: Belongings,
    private readonly store: CampaignsStore,
    private readonly campaigns: Campaigns,
  ) {}

  onModuleInit(): void {
    this.belongings.add(this);
  }

  async export(userId: string): Promise<unknown> {
    const own = await this.store.listWhole({ statuses, ownerId: userId }, { skip: 0, take: MOST });
    return own.map(wholeOf);
  }

  erase(tx: Tx, userId: string): Promise<void> {
    return this.renamed(tx, userId);
  }

  async renamed(tx: Tx, userId: string): Promise<void> {
    for (const campaign of await this.store.listWhole({ statuses, ownerId: userId }, { skip: 0, take: MOST }))
      this.campaigns.drop(tx, campaign);
  }
}
