import { Injectable } from '@nestjs/common';
import { DataSource, IsNull } from 'typeorm';
import type { Tx } from '../database/transactions.js';
import { User } from './user.entity.js';

/** What a sign-in is decided by. */
export interface Credentials {
  id: string;
  passwordHash: string | null;
  disabled: boolean;
}

@Injectable()
export class UsersStore {
  constructor(private readonly db: DataSource) {}

  byId(id: string): Promise<User | null> {
    return this.db.manager.findOneBy(User, { id, deletedAt: IsNull() });
  }

  async credentials(email: string): Promise<Credentials | null> {
    const [found] = await this.db.query<Credentials[]>(
      `SELECT id, password_hash AS "passwordHash", disabled_at IS NOT NULL AS disabled FROM users WHERE email = $1 AND deleted_at IS NULL`,
      [email],
    );
    return found ?? null;
  }

  /** `false` where somebody has the address already. */
  async add(tx: Tx, user: Partial<User>): Promise<boolean> {
    const made = await tx.createQueryBuilder().insert().into(User).values(user).orIgnore().returning('id').execute();
    return (made.raw as unknown[]).length === 1;
  }

  async change(tx: Tx, id: string, change: Partial<Omit<User, 'id'>>): Promise<User | null> {
    const { affected } = await tx.update(User, { id, deletedAt: IsNull() }, { ...change, updatedAt: () => 'now()' });
    return affected === 1 ? tx.findOneBy(User, { id }) : null;
  }

  async keepHash(id: string, before: string, after: string): Promise<void> {
    await this.db.query('UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2', [id, before, after]);
  }
}
