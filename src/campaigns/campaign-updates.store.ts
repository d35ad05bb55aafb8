import { Injectable } from '@nestjs/common';
import { DataSource, LessThan } from 'typeorm';
import type { Tx } from '../database/transactions.js';
import { CampaignUpdate } from './campaign-update.entity.js';

@Injectable()
export class CampaignUpdatesStore {
  constructor(private readonly db: DataSource) {}

  /** The newest first. */
  list(campaignId: string, after: string | undefined, take: number): Promise<CampaignUpdate[]> {
    const where = { campaignId, ...(after && { id: LessThan(after) }) };
    return this.db.manager.find(CampaignUpdate, { where, order: { id: 'DESC' }, take });
  }

  /** All that somebody told, the newest first. */
  toldBy(ownerId: string): Promise<CampaignUpdate[]> {
    return this.db.manager
      .createQueryBuilder(CampaignUpdate, 'u')
      .where('u.campaignId IN (SELECT id FROM campaigns WHERE owner_id = :ownerId)', { ownerId })
      .orderBy('u.id', 'DESC')
      .getMany();
  }

  async add(tx: Tx, update: Omit<CampaignUpdate, 'createdAt'>): Promise<CampaignUpdate> {
    await tx.insert(CampaignUpdate, update);
    return tx.findOneByOrFail(CampaignUpdate, { id: update.id });
  }

  async remove(tx: Tx, campaignId: string, id: string): Promise<boolean> {
    const { affected } = await tx.delete(CampaignUpdate, { campaignId, id });
    return affected === 1;
  }
}
