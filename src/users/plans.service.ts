import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Transactions } from '../database/transactions.js';
import { Cache } from '../http/cache/cache.service.js';
import { Refusal } from '../kernel/problems.js';
import { Audit } from './audit.service.js';
import { Plan } from './plan.entity.js';

/** Whatever is made of the plans carries this tag. */
export const PLANS_TAG = 'plans';

@Injectable()
export class Plans {
  constructor(
    private readonly db: DataSource,
    private readonly transactions: Transactions,
    private readonly cache: Cache,
    private readonly audit: Audit,
  ) {}

  list(): Promise<Plan[]> {
    return this.db.manager.find(Plan, { order: { dailyTokens: { direction: 'ASC', nulls: 'FIRST' }, id: 'ASC' } });
  }

  change(actorId: string, plan: Plan): Promise<Plan> {
    return this.transactions.run(async (tx) => {
      const { affected } = await tx.update(Plan, { id: plan.id }, plan);
      if (affected !== 1) throw new Refusal('not_found', 'There is no such plan.');
      const { id, ...facts } = plan;
      await this.audit.note(tx, 'plan_edited', { actorId }, { plan: id, ...facts });
      this.cache.drop(tx, [PLANS_TAG]);
      return (await tx.findOneBy(Plan, { id })) ?? plan;
    });
  }
}
