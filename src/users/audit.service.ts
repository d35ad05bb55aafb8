import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transactions.js';
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
  | 'key_made'
  | 'key_ended'
  | 'refresh_reused';

@Injectable()
export class Audit {
  /** Commits with the change itself. */
  async note(
    tx: Tx,
    action: AuditAction,
    who: { actorId?: string; subjectId: string },
    facts: Record<string, unknown> = {},
  ): Promise<void> {
    await tx.insert(AuditEntry, { id: newId(), actorId: who.actorId ?? null, subjectId: who.subjectId, action, facts: facts as object });
  }
}
