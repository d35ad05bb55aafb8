import { Inject, Injectable } from '@nestjs/common';
import { Transactions, type Tx } from '../database/transactions.js';
import { gathered } from '../kernel/gathered.js';
import { limitTo } from '../kernel/limit.js';
import { within } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { Spans } from '../observability/spans.js';
import { continued, within as inTrace } from '../observability/trace.js';
import { allQueues, jobNamed, waitAfter, type JobContract } from './contracts.js';
import { Handlers, JobHopeless, type Handler, type JobRun } from './handlers.js';
import { OutboxStore, type StartedRow, type Ticket } from './outbox.store.js';
import { Ends, Starts } from './batches.js';
import { Paces } from './pace.js';
import { Transport } from './transport.js';

const GUARD = 'handled_jobs_pkey';
const RENEW_EVERY_MS = 3_000;
const END_MS = 3;
const UNKNOWN_JOB_WAIT_MS = 5_000;

/** Another run took this job over; what this one wrote was rolled back. */
class TakenOver extends Error {
  override readonly name = 'TakenOver';
}

/** Runs the jobs that Bull brings, as far as the table still wants them. */
@Injectable()
export class Worker {
  private readonly starts: Starts;
  private readonly ends: Ends;
  private readonly running = new Map<string, Ticket>();
  private renewing: NodeJS.Timeout | undefined;
  private readonly unbegun: Ticket[] = [];
  private taken = 0;
  private stopping = false;
  private idle: (() => void) | undefined;

  constructor(
    private readonly store: OutboxStore,
    private readonly transport: Transport,
    private readonly handlers: Handlers,
    private readonly transactions: Transactions,
    private readonly paces: Paces,
    @Inject(LOG) private readonly log: Log,
    private readonly spans: Spans,
  ) {
    this.starts = new Starts(store);
    this.ends = new Ends(store);
  }

  start(): void {
    for (const queue of allQueues()) {
      const limited = limitTo(queue.concurrency);
      this.transport.consume(queue, (tickets) => Promise.all(tickets.map((ticket) => limited(() => this.take(ticket)))));
    }
    this.renewing = setInterval(() => this.renew(), RENEW_EVERY_MS).unref();
  }

  /** Takes nothing new and waits for what runs, for at most `ms`; the rest is run again elsewhere. */
  async stop(ms: number): Promise<void> {
    this.stopping = true;
    const finished = new Promise<void>((resolve) => (this.idle = resolve));
    if (this.taken === 0) this.idle?.();
    await Promise.all([this.transport.pause(), within(ms, 'running jobs', finished).catch(() => undefined)]);
    clearInterval(this.renewing);
    await this.ends.settled();
    await this.giveBack();
  }

  /** What was not begun, or not finished, is anyone's at once: a clean stop is no crash. */
  private async giveBack(): Promise<void> {
    if (this.running.size > 0) this.log.warn({ jobs: this.running.size }, 'stopped with jobs still running; they will be run again');
    const back = [...this.running.values()].map((ticket) => this.store.postpone(ticket, 0));
    await Promise.all([...back, this.store.takeBack(this.unbegun)]).catch((error: unknown) => {
      this.log.warn({ err: error }, 'jobs not given back; their leases end in a moment');
    });
  }

  private async take(ticket: Ticket): Promise<void> {
    if (this.stopping) {
      this.unbegun.push(ticket);
      return;
    }
    this.taken += 1;
    try {
      await this.begin(ticket);
    } finally {
      this.taken -= 1;
      if (this.taken === 0) this.idle?.();
    }
  }

  private async begin(ticket: Ticket): Promise<void> {
    const row = await this.starts.begin(ticket);
    if (!row) {
      this.log.debug({ id: ticket.id }, 'not wanted any more');
      return;
    }
    this.paces.of(row.queue).count();
    this.running.set(row.id, row);
    try {
      await inTrace(continued(row.requestId ?? row.id, row.traceparent), () => this.run(row));
    } finally {
      this.running.delete(row.id);
    }
  }

  private async run(row: StartedRow): Promise<void> {
    const contract = jobNamed(row.job);
    const handler = this.handlers.of(row.job);
    if (!contract || !handler) {
      this.log.warn({ job: row.job, id: row.id }, 'no handler here, left for a newer version');
      return this.store.postpone(row, UNKNOWN_JOB_WAIT_MS);
    }
    try {
      const facts = { 'messaging.destination.name': row.queue, 'mutirao.failures': row.failures };
      await this.spans.around(`job ${row.job}`, 'consumer', facts, () => this.attempt(row, contract, handler));
    } catch (error) {
      if (error instanceof TakenOver) this.log.debug({ job: row.job, id: row.id }, error.message);
      else await this.failed(row, contract, error);
    }
  }

  private async attempt(row: StartedRow, contract: JobContract<unknown>, handler: Handler): Promise<void> {
    const end: { committed?: Promise<void> } = {};
    let over: AbortController | undefined;
    const run: JobRun = {
      id: row.id,
      failures: row.failures,
      // Made only for those who ask: it would cost a small job a tenth of its time.
      get signal() {
        over ??= new AbortController();
        return over.signal;
      },
      commit: (write) => {
        if (end.committed) return Promise.reject(new Error('run.commit was called twice'));
        end.committed = this.commit(row, write);
        // A handler that does not look at it is still told below.
        end.committed.catch(() => undefined);
        return end.committed;
      },
    };
    try {
      await within(contract.timeoutMs, `job ${row.job}`, handler(row.payload, run));
    } catch (fault) {
      over?.abort();
      throw fault;
    }
    await (end.committed ?? this.end(row));
  }

  private readonly end = gathered<StartedRow, undefined>(END_MS, async (rows) => {
    await this.store.end(rows);
    return rows.map(() => undefined);
  });

  private async commit(row: StartedRow, effect: (tx: Tx) => Promise<void>): Promise<void> {
    try {
      await this.transactions.run(async (tx) => {
        this.store.guard(tx, row);
        await effect(tx);
      });
    } catch (fault) {
      if ((fault as { constraint?: unknown }).constraint !== GUARD) throw fault;
      this.ends.add(row.id);
      throw new TakenOver('already done by another run');
    }
    this.ends.add(row.id);
  }

  private async failed(row: StartedRow, contract: JobContract<unknown>, error: unknown): Promise<void> {
    const failures = row.failures + 1;
    const hopeless = error instanceof JobHopeless || failures >= contract.attempts;
    const waitMs = hopeless ? undefined : waitAfter(failures, contract.backoff);
    const facts = { job: row.job, id: row.id, failures, err: error };
    if (hopeless) this.log.error(facts, 'dead letter');
    else this.log.warn({ ...facts, againInMs: waitMs }, 'job failed');
    await this.store.fail(row, wordsOf(error), waitMs);
  }

  private renew(): void {
    if (this.running.size === 0) return;
    this.store.renew([...this.running.values()]).catch((error: unknown) => this.log.warn({ err: error }, 'leases not renewed'));
  }
}

/** What the table keeps of an error. Whatever can be thrown is one, and not every text can be stored. */
function wordsOf(error: unknown): string {
  try {
    return (error instanceof Error ? error.message : String(error)).replaceAll('\0', '\uFFFD');
  } catch {
    return 'an error without words';
  }
}
