import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';

declare const opened: unique symbol;

/** An open transaction. What writes takes one, so that writing outside of any does not compile. */
export type Tx = EntityManager & { readonly [opened]: true };

const waiting = new WeakMap<EntityManager, (() => void)[]>();

/** Acts once this transaction has been committed, never where it was rolled back. */
export function afterCommit(tx: Tx, act: () => void): void {
  waiting.get(tx)?.push(act);
}

@Injectable()
export class Transactions {
  constructor(private readonly db: DataSource) {}

  async run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const acts: (() => void)[] = [];
    const result = await this.db.transaction((manager) => {
      waiting.set(manager, acts);
      return work(manager as Tx);
    });
    for (const act of acts) act();
    return result;
  }
}
