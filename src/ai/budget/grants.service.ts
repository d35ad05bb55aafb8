import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Transactions, type Tx } from '../../database/transactions.js';
import { newId } from '../../kernel/ids.js';
import { Refusal } from '../../kernel/problems.js';
import { Audit } from '../../users/audit.service.js';
import type { BudgetBody, GrantBody } from '../ai.dto.js';

export interface Grant {
  id: string;
  tokens: number;
  reason: string;
  grantedBy: string;
  grantedAt: Date;
  expiresAt: Date;
}

/** What admins allow somebody beyond what holds for all. */
@Injectable()
export class Grants {
  constructor(
    private readonly db: DataSource,
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
      const facts = { grantId: id, tokens, expiresAt: expiresAt.toISOString() };
      await this.audit.note(tx, 'ai_tokens_granted', { actorId, subjectId: userId }, facts);
      return { id, userId, tokens, reason, expiresAt: expiresAt.toISOString() };
    });
  }

  /** Those that hold now. */
  of(userId: string): Promise<Grant[]> {
    return this.db.query(
      `SELECT id, tokens::float8, reason, granted_by AS "grantedBy", granted_at AS "grantedAt", expires_at AS "expiresAt"
         FROM ai_grants WHERE user_id = $1 AND expires_at > now() ORDER BY id`,
      [userId],
    );
  }

  end(actorId: string, userId: string, id: string): Promise<void> {
    return this.transactions.run(async (tx) => {
      const [, ended] = await tx.query<[unknown, number]>(
        'UPDATE ai_grants SET expires_at = now() WHERE id = $1 AND user_id = $2 AND expires_at > now()',
        [id, userId],
      );
      if (ended === 0) throw new Refusal('not_found', 'He has no such grant.');
      await this.audit.note(tx, 'ai_grant_ended', { actorId, subjectId: userId }, { grantId: id });
    });
  }

  async mustKnow(userId: string): Promise<void> {
    await this.transactions.run((tx) => mustBeThere(tx, userId));
  }
}

async function mustBeThere(tx: Tx, userId: string): Promise<void> {
  const found = await tx.query<object[]>('SELECT FROM users WHERE id = $1 AND deleted_at IS NULL FOR KEY SHARE', [userId]);
  if (found.length === 0) throw new Refusal('not_found', 'There is no such person.');
}
