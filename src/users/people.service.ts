import { Injectable } from '@nestjs/common';
import { Transactions, type Tx } from '../database/transactions.js';
import { Cache } from '../http/cache/cache.service.js';
import type { Role } from '../http/caller.js';
import { Refusal } from '../kernel/problems.js';
import { Audit, type AuditAction } from './audit.service.js';
import { Belongings } from './belongings.service.js';
import { PeopleStore } from './people.store.js';
import type { User } from './user.entity.js';
import { personTag } from './users.service.js';

export interface RightsChange {
  role?: Role;
  plan?: string;
  disabled?: boolean;
}

const isAdmin = ({ role, disabledAt }: Pick<User, 'role' | 'disabledAt'>) => role === 'admin' && disabledAt === null;

/** Changes of rights, each with its row in the audit log. */
@Injectable()
export class People {
  constructor(
    private readonly store: PeopleStore,
    private readonly transactions: Transactions,
    private readonly cache: Cache,
    private readonly audit: Audit,
    private readonly belongings: Belongings,
  ) {}

  change(actorId: string, id: string, { role, plan, disabled }: RightsChange): Promise<void> {
    return this.transactions.run(async (tx) => {
      const before = await this.present(tx, id);
      const after = {
        role: role ?? before.role,
        plan: plan ?? before.plan,
        disabledAt: disabled === undefined ? before.disabledAt : disabled ? (before.disabledAt ?? new Date()) : null,
      };
      if (isAdmin(before) && !isAdmin(after)) await this.proveNotLast(tx, id);
      await this.store.change(tx, id, after);
      if (before.disabledAt === null && after.disabledAt !== null) await this.belongings.lockOut(tx, id);
      const changes: [AuditAction, boolean, object][] = [
        ['role_changed', before.role !== after.role, { from: before.role, to: after.role }],
        ['plan_changed', before.plan !== after.plan, { from: before.plan, to: after.plan }],
        ['disabled', before.disabledAt === null && after.disabledAt !== null, {}],
        ['enabled', before.disabledAt !== null && after.disabledAt === null, {}],
      ];
      for (const [action, isSo, facts] of changes) if (isSo) await this.audit.note(tx, action, { actorId, subjectId: id }, { ...facts });
      this.cache.drop(tx, [personTag(id)]);
    });
  }

  /** The person goes; what others rely on, such as gifts and the books, stays without a name. */
  erase(actorId: string, id: string): Promise<void> {
    return this.transactions.run(async (tx) => {
      if (isAdmin(await this.present(tx, id))) await this.proveNotLast(tx, id);
      await this.belongings.erase(tx, id);
      await this.store.erase(tx, id);
      await this.audit.note(tx, 'deleted', { actorId, subjectId: id });
      this.cache.drop(tx, [personTag(id)]);
    });
  }

  private async present(tx: Tx, id: string): Promise<User> {
    const user = await this.store.lock(tx, id);
    if (!user) throw new Refusal('not_found', 'There is no such person.');
    return user;
  }

  private async proveNotLast(tx: Tx, id: string): Promise<void> {
    if ((await this.store.adminsBesides(tx, id)) === 0) throw new Refusal('conflict', 'This is the last admin. Make another one first.');
  }
}
