import { Injectable } from '@nestjs/common';
import { DataSource, IsNull } from 'typeorm';
import type { Tx } from '../database/transactions.js';
import { ApiKey } from './api-key.entity.js';

@Injectable()
export class ApiKeysStore {
  constructor(private readonly db: DataSource) {}

  listOf(userId: string): Promise<ApiKey[]> {
    return this.db.manager.find(ApiKey, { where: { userId, endedAt: IsNull() }, order: { id: 'DESC' } });
  }

  /** `false` where the person has as many as anyone may have. Whoever proves that he is in has locked his own row: of him, one comes after the other. */
  async add(tx: Tx, key: Pick<ApiKey, 'id' | 'userId' | 'name' | 'digest' | 'scopes' | 'expiresAt'>, most: number): Promise<boolean> {
    if ((await tx.countBy(ApiKey, { userId: key.userId, endedAt: IsNull() })) >= most) return false;
    await tx.insert(ApiKey, key);
    return true;
  }

  async end(tx: Tx, userId: string, id: string): Promise<boolean> {
    const { affected } = await tx.update(ApiKey, { userId, id, endedAt: IsNull() }, { endedAt: () => 'now()' });
    return affected === 1;
  }

  allOf(userId: string): Promise<ApiKey[]> {
    return this.db.manager.find(ApiKey, { where: { userId }, order: { id: 'DESC' } });
  }

  async remove(tx: Tx, userId: string): Promise<void> {
    await tx.delete(ApiKey, { userId });
  }

  async used(ids: readonly string[]): Promise<void> {
    await this.db.query('UPDATE api_keys SET last_used_at = now() WHERE id = ANY($1::uuid[])', [ids]);
  }
}
