import { Inject, Injectable } from '@nestjs/common';
import type { ClientBase, QueryResult } from 'pg';
import {
  DataSource,
  type EntityManager,
  type QueryRunner,
  QueryRunnerAlreadyReleasedError,
  QueryRunnerProviderAlreadyReleasedError,
} from 'typeorm';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';

declare const opened: unique symbol;

/** An open transaction. What writes takes one, so that writing outside of any does not compile. */
export type Tx = EntityManager & { readonly [opened]: true };

interface Ending {
  statements: string[];
  acts: (() => void)[];
}

/** What `query` answers to several statements in one text. */
type Client = ClientBase & { query(sql: string): Promise<QueryResult | QueryResult[]>; end(): Promise<void> };

const endings = new WeakMap<EntityManager, Ending>();

/** Acts once this transaction has been committed, never where it was rolled back. */
export function afterCommit(tx: Tx, act: () => void): void {
  endingOf(tx).acts.push(act);
}

/**
 * A statement that travels with the commit and so costs no round trip of its own. It must be complete:
 * values in it are literals made by `pg.escapeLiteral`. Where it fails, nothing is committed.
 */
export function withCommit(tx: Tx, statement: string): void {
  endingOf(tx).statements.push(statement);
}

function endingOf(tx: Tx): Ending {
  const ending = endings.get(tx);
  if (!ending) throw new Error('the transaction is over, nothing can be added to it');
  return ending;
}

/** The commit was answered with a rollback: an earlier statement had failed and someone caught its error. */
class NotCommitted extends Error {
  override readonly name = 'NotCommitted';
}

@Injectable()
export class Transactions {
  constructor(
    private readonly db: DataSource,
    @Inject(LOG) private readonly log: Log,
  ) {}

  async run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const runner = this.db.createQueryRunner();
    const tx = runner.manager as Tx;
    const ending: Ending = { statements: [], acts: [] };
    let client: Client | undefined;
    let lost: Error | undefined;
    const lose = (why: Error) => void (lost = why);
    try {
      client = (await runner.connect()) as Client;
      client.on('error', lose);
      await runner.startTransaction();
      endings.set(tx, ending);
      const result = await work(tx);
      close(runner);
      const answers = [await client.query([...ending.statements, 'COMMIT'].join(';\n'))].flat();
      if (answers.at(-1)?.command !== 'COMMIT') throw new NotCommitted('the transaction was rolled back');
      for (const act of ending.acts) this.tell(act);
      return result;
    } catch (fault) {
      close(runner);
      if (client) await rollBack(client);
      // TypeORM lets go of a connection that is cut, and then says only that it has.
      throw lost && isReleased(fault) ? lost : fault;
    } finally {
      client?.off('error', lose);
      await giveBack(runner);
    }
  }

  // What was committed is not undone because someone who heard of it stumbled.
  private tell(act: () => void): void {
    try {
      act();
    } catch (fault) {
      this.log.error({ err: fault }, 'an act after a commit failed');
    }
  }
}

// From here on TypeORM refuses this transaction's queries: what still ran would otherwise be committed alone, after the end.
function close(runner: QueryRunner): void {
  endings.delete(runner.manager);
  (runner as { isReleased: boolean }).isReleased = true;
}

async function giveBack(runner: QueryRunner): Promise<void> {
  (runner as { isReleased: boolean }).isReleased = false;
  await runner.release();
}

const isReleased = (fault: unknown): boolean =>
  fault instanceof QueryRunnerAlreadyReleasedError || fault instanceof QueryRunnerProviderAlreadyReleasedError;

/** A connection that cannot even do this is closed; the server then rolls back by itself. */
const rollBack = (client: Client): Promise<unknown> => client.query('ROLLBACK').catch(() => void client.end());
