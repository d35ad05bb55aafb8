import { Inject, Injectable } from '@nestjs/common';
import {
  DataSource,
  type EntityManager,
  type QueryRunner,
  QueryRunnerAlreadyReleasedError,
  QueryRunnerProviderAlreadyReleasedError,
} from 'typeorm';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { within } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { Spans } from '../observability/spans.js';
import type { ImpatientClient } from './client.js';
import { behindPooler } from './options.js';

const ACTS_MS = 500;
const POSTGRES = { 'db.system.name': 'postgresql' };

declare const opened: unique symbol;

/** An open transaction. What writes takes one, so that writing outside of any does not compile. */
export type Tx = EntityManager & { readonly [opened]: true };

/** A statement that is asked often: each connection reads and plans it once, under its name. */
export interface Prepared {
  name: string;
  text: string;
  /** Nothing that the driver could stumble over: by then the commit is on its way. */
  values: (string | number | boolean | Date | null | undefined)[];
}

type Act = () => unknown;

interface Ending {
  statements: Prepared[];
  acts: Act[];
}

const endings = new WeakMap<EntityManager, Ending>();
const texts = new Map<string, string>();

/** Acts once this transaction has been committed, never where it was rolled back. A promise is waited for, for a moment. */
export function afterCommit(tx: Tx, act: Act): void {
  endingOf(tx).acts.push(act);
}

/** A statement that travels with the commit and so costs no round trip of its own. Where it fails, nothing is committed. */
export function withCommit(tx: Tx, statement: Prepared): void {
  const { name, text } = statement;
  if (texts.get(name) !== text && texts.has(name)) throw new Error(`two statements are named ${name}`);
  texts.set(name, text);
  endingOf(tx).statements.push(statement);
}

/** Whether it may still be asked anything: later its connection is somebody else's. */
export const isOpen = (tx: Tx): boolean => endings.has(tx);

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
  private readonly prepares: boolean;

  constructor(
    private readonly db: DataSource,
    @Inject(CONFIG) config: Config,
    @Inject(LOG) private readonly log: Log,
    private readonly spans: Spans,
  ) {
    this.prepares = !behindPooler(config);
  }

  async run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const ending: Ending = { statements: [], acts: [] };
    const result = await this.spans.around('transaction', 'client', POSTGRES, () => this.commit(work, ending));
    // By now the connection is somebody else's again.
    const waiting = ending.acts.map((act) => this.tell(act)).filter((answer) => answer instanceof Promise);
    if (waiting.length > 0) await within(ACTS_MS, 'acts after a commit', Promise.all(waiting)).catch(this.stumbled);
    return result;
  }

  private async commit<T>(work: (tx: Tx) => Promise<T>, ending: Ending): Promise<T> {
    const runner = this.db.createQueryRunner();
    const tx = runner.manager as Tx;
    let client: ImpatientClient | undefined;
    let lost: Error | undefined;
    const lose = (why: Error) => void (lost = why);
    try {
      client = (await runner.connect()) as ImpatientClient;
      client.on('error', lose);
      // Nothing is said before this is answered: where it is refused, what is on its way already would be committed alone.
      await runner.startTransaction();
      endings.set(tx, ending);
      const result = await work(tx);
      close(runner);
      await this.say(client, ending.statements);
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

  private async say(client: ImpatientClient, statements: readonly Prepared[]): Promise<void> {
    const answers = await client.endTransaction(() => {
      const sent = statements.map(({ name, text, values }) => client.query(this.prepares ? { name, text, values } : { text, values }));
      return Promise.allSettled([...sent, client.query('COMMIT')]);
    });
    let command = '';
    for (const answer of answers) {
      if (answer.status === 'rejected') throw answer.reason;
      ({ command } = answer.value);
    }
    if (command !== 'COMMIT') throw new NotCommitted('the transaction was rolled back');
  }

  private tell(act: Act): unknown {
    try {
      return act();
    } catch (fault) {
      this.stumbled(fault);
      return undefined;
    }
  }

  // What was committed is not undone because someone who heard of it stumbled.
  private readonly stumbled = (fault: unknown): void => {
    this.log.error({ err: fault }, 'an act after a commit failed');
  };
}

// From here on TypeORM refuses this transaction's queries: what still ran would otherwise be committed alone, after the end.
function close(runner: QueryRunner): void {
  if (leaving.has(runner)) return;
  endings.delete(runner.manager);
  (runner as { isReleased: boolean }).isReleased = true;
  // Whoever closes the pool meanwhile waits for its end: asked again and again without a pause, it would never come to it.
  const left = new Promise<void>((resolve) => leaving.set(runner, resolve));
  runner.release = () => left;
}

const leaving = new WeakMap<QueryRunner, () => void>();

async function giveBack(runner: QueryRunner): Promise<void> {
  (runner as { isReleased: boolean }).isReleased = false;
  delete (runner as Partial<QueryRunner>).release;
  await runner.release();
  leaving.get(runner)?.();
}

const isReleased = (fault: unknown): boolean =>
  fault instanceof QueryRunnerAlreadyReleasedError || fault instanceof QueryRunnerProviderAlreadyReleasedError;

/** A connection that cannot even do this is closed; the server then rolls back by itself. */
const rollBack = (client: ImpatientClient): Promise<unknown> =>
  client.endTransaction(() => client.query('ROLLBACK')).catch(() => void client.end());
