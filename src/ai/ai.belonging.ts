import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Tx } from '../database/transactions.js';
import { Belongings, type Belonging } from '../users/belongings.service.js';
import { UsageStore } from './budget/usage.store.js';

/** What somebody asked of the AI: figures alone, which stay for the accounts when he goes. */
@Injectable()
export class AiUseOfPeople implements Belonging, OnModuleInit {
  readonly name = 'aiUsage';

  constructor(
    private readonly belongings: Belongings,
    private readonly usage: UsageStore,
  ) {}

  onModuleInit(): void {
    this.belongings.add(this);
  }

  export(userId: string): Promise<unknown> {
    return this.usage.byDay(userId);
  }

  /** Figures tell nobody's name; what an admin wrote beside them may. */
  async erase(tx: Tx, userId: string): Promise<void> {
    await tx.query(`UPDATE ai_grants SET reason = '' WHERE user_id = $1`, [userId]);
  }
}
