import { Injectable } from '@nestjs/common';
import type { QueryResult } from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { isDatabaseAway } from './faults.js';

declare const opened: unique symbol;

/** An open transaction. What writes takes one, so that writing outside of any does not compile. */
export type Tx = EntityManager & { readonly [opened]: true };

interface Ending {
  statements: string[];
  acts: (() => void)[];
}

interface PlainClient {
  query(sql: string): Promise<QueryResult | QueryResult[]>;
}

const endings = new WeakMap<EntityManager, Ending>();

/** Acts once this transaction has been committed, never where it was rolled back. */
export function afterCommit(tx: Tx, act: () => void): void {
  endings.get(tx)?.acts.push(act);
}

/**
 * A statement that travels with the commit and so costs no round trip of its own. It must be complete:
 * values in it are literals made by `pg.escapeLiteral`. Where it fails, nothing is committed.
 */
export function withCommit(tx: Tx, statement: string): void {
  endings.get(tx)?.statements.push(statement);
}

/** The commit was answered with a rollback: an earlier statement had failed and someone caught its error. */
class NotCommitted extends Error {
  override readonly name = 'NotCommitted';
}

@Injectable()
export class Transactions {
  constructor(private readonly db: DataSource) {}

  async run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const runner = this.db.createQueryRunner();
    const ending: Ending = { statements: [], acts: [] };
    endings.set(runner.manager, ending);
    let result: T;
    try {
      const client = (await runner.connect()) as PlainClient;
      await runner.startTransaction();
      result = await work(runner.manager as Tx);
      const answers = [await client.query([...ending.statements, 'COMMIT'].join(';\n'))].flat();
      if (answers.at(-1)?.command !== 'COMMIT') throw new NotCommitted('the transaction was rolled back');
    } catch (fault) {
      // A connection that does not answer is not asked to roll back: the server does that when it ends.
      if (!isDatabaseAway(fault) && runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      throw fault;
    } finally {
      await runner.release();
    }
    for (const act of ending.acts) act();
    return result;
  }
}
