import { Injectable } from '@nestjs/common';
import { Transactions, type Tx } from '../../database/transactions.js';
import { newId } from '../../kernel/ids.js';
import { Refusal } from '../../kernel/problems.js';
import { Audit } from '../../users/audit.service.js';
import type { BudgetBody, GrantBody } from '../ai.dto.js';

/** What admins allow somebody beyond what holds for all. */
@Injectable()
export class Grants {
  constructor(
    private readonly transactions: Transactions,
    private readonly audit: Audit,
  ) {}

  /** Where one is `null` that of the plan holds again; what is not there stays. */
  async setBudget(actorId: string, userId: string, change: BudgetBody): Promise<void> {
    const { dailyTokens, dailyUsd } = change;
    await this.transactions.run(async (tx) => {
      await mustBeThere(tx, userId);
      await tx.query(
        `INSERT INTO ai_budgets AS b (user_id, daily_tokens, daily_usd) VALUES ($1, $2, $3) ON CONFLICT (user_id) DO UPDATE
           SET daily_tokens = CASE WHEN $4 THEN $2 ELSE b.daily_tokens END, daily_usd = CASE WHEN $5 THEN $3 ELSE b.daily_usd END`,
        [userId, dailyTokens ?? null, dailyUsd ?? null, dailyTokens !== undefined, dailyUsd !== undefined],
      );
      await this.audit.note(tx, 'ai_budget_set', { actorId, subjectId: userId }, { ...change });
    });
  }

  give(actorId: string, userId: string, { tokens, reason, expiresAt }: GrantBody) {
    const id = newId();
    return this.transactions.run(async (tx) => {
      await mustBeThere(tx, userId);
      await tx.query(
        'INSERT INTO ai_grants (id, user_id, tokens, reason, granted_by, granted_at, expires_at) VALUES ($1, $2, $3, $4, $5, now(), $6)',
        [id, userId, tokens, reason, actorId, expiresAt],
      );
      await this.audit.note(
        tx,
        'ai_tokens_granted',
        { actorId, subjectId: userId },
        { grantId: id, tokens, expiresAt: expiresAt.toISOString() },
      );
      return { id, userId, tokens, reason, expiresAt: expiresAt.toISOString() };
    });
  }
}

async function mustBeThere(tx: Tx, userId: string): Promise<void> {
  const found = await tx.query<object[]>('SELECT FROM users WHERE id = $1 AND deleted_at IS NULL FOR KEY SHARE', [userId]);
  if (found.length === 0) throw new Refusal('not_found', 'There is no such person.');
}
