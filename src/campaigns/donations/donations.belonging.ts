import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Tx } from '../../database/transactions.js';
import { Belongings, type Belonging } from '../../users/belongings.service.js';
import { Campaigns } from '../campaigns.service.js';
import { DonationsStore } from './donations.store.js';
import { ownOf } from './donations.words.js';

const MOST = 10_000;

/** What somebody gave: it stays when he goes, without his name. */
@Injectable()
export class DonationsOfPeople implements Belonging, OnModuleInit {
  readonly name = 'donations';

  constructor(
    private readonly belongings: Belongings,
    private readonly store: DonationsStore,
    private readonly campaigns: Campaigns,
  ) {}

  onModuleInit(): void {
    this.belongings.add(this);
  }

  async export(userId: string): Promise<unknown> {
    const gifts = await this.store.ofUser(userId, undefined, MOST);
    return gifts.map((gift) => {
      const { name, messagingConsent, provider, reference, expiresAt } = gift;
      return { ...ownOf(gift), name, messagingConsent, provider, reference, expiresAt };
    });
  }

  async erase(tx: Tx, userId: string): Promise<void> {
    await this.store.forgetPerson(tx, userId);
    this.campaigns.drop(tx, ...(await this.store.campaignsOf(userId)));
  }
}
