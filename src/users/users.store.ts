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

/** What a new password is decided by. */
export interface Secrets {
  email: string;
  name: string;
  passwordHash: string | null;
  /** Whether it was shown that the address is his. */
  isVerified: boolean;
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

  locked(tx: Tx, id: string): Promise<User | null> {
    return tx.createQueryBuilder(User, 'u').setLock('for_no_key_update').where('u.id = :id', { id }).getOne();
  }

  async change(tx: Tx, id: string, change: Partial<Omit<User, 'id'>>): Promise<User | null> {
    const { affected } = await tx.update(User, { id, deletedAt: IsNull() }, { ...change, updatedAt: () => 'now()' });
    return affected === 1 ? tx.findOneBy(User, { id }) : null;
  }

  async secretsOf(id: string): Promise<Secrets | null> {
    const [found] = await this.db.query<Secrets[]>(
      `SELECT email, name, password_hash AS "passwordHash", email_verified_at IS NOT NULL AS "isVerified" FROM users WHERE id = $1 AND disabled_at IS NULL AND deleted_at IS NULL`,
      [id],
    );
    return found ?? null;
  }

  async verified(tx: Tx, id: string): Promise<void> {
    await tx.query('UPDATE users SET email_verified_at = now() WHERE id = $1 AND email_verified_at IS NULL AND deleted_at IS NULL', [id]);
  }

  async replaceHash(tx: Tx, id: string, before: string | null, after: string): Promise<boolean> {
    const [, replaced] = await tx.query<[unknown, number]>(
      `UPDATE users SET password_hash = $3, email_verified_at = coalesce(email_verified_at, now()), updated_at = now()
        WHERE id = $1 AND password_hash IS NOT DISTINCT FROM $2 AND disabled_at IS NULL AND deleted_at IS NULL`,
      [id, before, after],
    );
    return replaced === 1;
  }

  async keepHash(id: string, before: string, after: string): Promise<void> {
    await this.db.query('UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2', [id, before, after]);
  }
}
