import { Injectable } from '@nestjs/common';
import { DataSource, type SelectQueryBuilder } from 'typeorm';
import type { Tx } from '../database/transactions.js';
import type { Role } from '../http/caller.js';
import type { From } from '../http/lists.js';
import { User } from './user.entity.js';

export interface Search {
  q?: string;
  role?: Role;
}

/** Of whom the row stays, without anything that tells who it was. */
export const NOBODY = 'Removed person';

/** People as admins see them. */
@Injectable()
export class PeopleStore {
  constructor(private readonly db: DataSource) {}

  /** The newest first. */
  list(search: Search, { after, skip, take }: From): Promise<User[]> {
    const found = this.matching(search).orderBy('u.id', 'DESC').limit(take);
    if (after !== undefined) found.andWhere('u.id < :after', { after });
    return found.offset(skip).getMany();
  }

  count(search: Search): Promise<number> {
    return this.matching(search).getCount();
  }

  async hasAdmin(): Promise<boolean> {
    return this.db.manager.existsBy(User, { role: 'admin' });
  }

  /** Whoever is about to take an admin away locks them all, in one order: so he waits for all others who are. */
  async adminsBesides(tx: Tx, id: string): Promise<number> {
    const admins = await tx.query<{ id: string }[]>(
      `SELECT id FROM users WHERE role = 'admin' AND disabled_at IS NULL AND deleted_at IS NULL ORDER BY id FOR NO KEY UPDATE`,
    );
    return admins.filter((admin) => admin.id !== id).length;
  }

  async lock(tx: Tx, id: string): Promise<User | null> {
    if ((await tx.findOneBy(User, { id }))?.role === 'admin') await this.adminsBesides(tx, id);
    return tx.createQueryBuilder(User, 'u').setLock('for_no_key_update').where('u.id = :id AND u.deleted_at IS NULL', { id }).getOne();
  }

  async change(tx: Tx, id: string, change: Partial<Pick<User, 'role' | 'plan' | 'disabledAt'>>): Promise<void> {
    await tx.update(User, { id }, { ...change, updatedAt: () => 'now()' });
  }

  async erase(tx: Tx, id: string): Promise<void> {
    await tx.query(
      `UPDATE users SET email = NULL, name = $2, password_hash = NULL, role = 'donor', phone = NULL, messaging_consent = false, consent_at = NULL,
              consent_source = NULL, email_verified_at = NULL, deleted_at = now(), updated_at = now() WHERE id = $1`,
      [id, NOBODY],
    );
  }

  private matching({ q, role }: Search): SelectQueryBuilder<User> {
    const found = this.db.manager.createQueryBuilder(User, 'u').where('u.deleted_at IS NULL');
    if (role) found.andWhere('u.role = :role', { role });
    if (q) found.andWhere('(u.email ILIKE :like OR u.name ILIKE :like)', { like: `%${q.replaceAll(/[\\%_]/g, String.raw`\$&`)}%` });
    return found;
  }
}
