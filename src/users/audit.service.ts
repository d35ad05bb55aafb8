import { Injectable } from '@nestjs/common';
import { DataSource, IsNull, LessThan, Not } from 'typeorm';
import type { Tx } from '../database/transactions.js';
import type { From } from '../http/lists.js';
import { newId } from '../kernel/ids.js';
import { AuditEntry } from './audit.entity.js';

/** What can be done to somebody's rights. */
export type AuditAction =
  | 'first_admin'
  | 'role_changed'
  | 'plan_changed'
  | 'disabled'
  | 'enabled'
  | 'deleted'
  | 'plan_edited'
  | 'password_reset'
  | 'second_factor_on'
  | 'second_factor_off'
  | 'consent_given'
  | 'consent_taken_back'
  | 'key_made'
  | 'key_ended'
  | 'refresh_reused'
  | 'ai_budget_set'
  | 'ai_cache_purged'
  | 'ai_tokens_granted'
  | 'ai_grant_ended'
  | 'message_settled'
  | 'cache_invalidated'
  | 'queue_paused'
  | 'queue_resumed'
  | 'queue_retried'
  | 'audio_concurrency_set';

@Injectable()
export class Audit {
  constructor(private readonly db: DataSource) {}

  /** Commits with the change itself. */
  async note(
    tx: Tx,
    action: AuditAction,
    who: { actorId?: string; subjectId?: string },
    facts: Record<string, unknown> = {},
  ): Promise<void> {
    await tx.insert(AuditEntry, {
      id: newId(),
      actorId: who.actorId ?? null,
      subjectId: who.subjectId ?? null,
      action,
      facts: facts as object,
    });
  }

  /** The newest first. */
  list(subjectId: string | undefined, { after, skip, take }: From): Promise<AuditEntry[]> {
    const where = { ...(subjectId && { subjectId }), ...(after && { id: LessThan(after) }) };
    return this.db.manager.find(AuditEntry, { where, order: { id: 'DESC' }, skip, take });
  }

  /** What was changed of one person, without who did it: that is somebody else's. */
  of(subjectId: string): Promise<Pick<AuditEntry, 'at' | 'action' | 'facts'>[]> {
    return this.db.manager.find(AuditEntry, {
      select: { at: true, action: true, facts: true },
      where: { subjectId },
      order: { id: 'ASC' },
    });
  }

  /** What one person did to the rights of others, who are not named here. */
  by(actorId: string): Promise<Pick<AuditEntry, 'at' | 'action'>[]> {
    return this.db.manager.find(AuditEntry, {
      select: { at: true, action: true },
      where: [
        { actorId, subjectId: Not(actorId) },
        { actorId, subjectId: IsNull() },
      ],
      order: { id: 'ASC' },
    });
  }

  count(subjectId?: string): Promise<number> {
    return this.db.manager.countBy(AuditEntry, subjectId ? { subjectId } : {});
  }
}
