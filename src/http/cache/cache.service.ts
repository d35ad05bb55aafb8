import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transactions.js';
import { Drops } from './drops.js';
import { type Dropped, Tiers } from './tiers.js';

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

  /**
   * The same for all tags that begin like this; for every one, where it is empty. Tells which were found; without Redis these are only
   * those that this process holds.
   */
  dropLike(tx: Tx, prefix: string): ReadonlySet<string> {
    return this.drops.addLike(tx, prefix);
  }

  /**
   * For changes that are dropped some time after their commit, by a look for what waits: to be told when each look
   * began that left none waiting. Without one of late, this process does not believe what is kept for all.
   */
  afterLooks(): (began: number) => void {
    const look = { began: -Infinity };
    this.tiers.looks.add(look);
    return (began) => void (look.began = began);
  }

  /** For what is kept elsewhere in this process: told of every drop that this process hears of. */
  onDrop(tell: (dropped: Dropped) => void): void {
    this.tiers.listeners.add(tell);
  }

  /** Whether what was read then is overtaken by a drop of the last two seconds. */
  droppedSince(began: number, tags: readonly string[]): boolean {
    return this.tiers.drops.since(began, tags);
  }

  get figures() {
    const { figures, process, state } = this.tiers;
    const { total, collapsed, stored, bypassed, byTag } = figures;
    return { status: state, ...total, collapsed, stored, bypassed, kept: process.size, byTag };
  }
}
