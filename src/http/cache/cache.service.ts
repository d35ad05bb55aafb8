import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transactions.js';
import { Drops } from './drops.js';
import { Tiers } from './tiers.js';

/** How features say that what they change was part of answers that are kept. */
@Injectable()
export class Cache {
  constructor(
    private readonly drops: Drops,
    private readonly tiers: Tiers,
  ) {}

  /** Once this is committed, nothing made of these tags is served any more: here at once, elsewhere within 2 s. */
  drop(tx: Tx, tags: readonly string[]): void {
    this.drops.add(tx, tags);
  }

  get figures() {
    const { figures, process, state } = this.tiers;
    const { total, collapsed, stored, bypassed, byTag } = figures;
    return { status: state, ...total, collapsed, stored, bypassed, kept: process.size, byTag };
  }
}
