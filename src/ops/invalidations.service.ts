import { Injectable } from '@nestjs/common';
import { Transactions } from '../database/transactions.js';
import { Cache } from '../http/cache/cache.service.js';
import { Audit } from '../users/audit.service.js';
import type { Invalidation } from './ops.dto.js';

const EVERY = '';

/** Drops what is kept by order of an admin, and as any change would. */
@Injectable()
export class Invalidations {
  constructor(
    private readonly transactions: Transactions,
    private readonly cache: Cache,
    private readonly audit: Audit,
  ) {}

  async drop(actorId: string, what: Invalidation): Promise<{ removed: number }> {
    const found = await this.transactions.run(async (tx) => {
      await this.audit.note(tx, 'cache_invalidated', { actorId }, what);
      if (!what.tags) return this.cache.dropLike(tx, what.prefix ?? EVERY);
      const tags = new Set(what.tags);
      this.cache.drop(tx, [...tags]);
      return tags;
    });
    return { removed: found.size };
  }
}
