import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Questions } from '../database/questions.js';
import { traceparentOf, type Trace } from '../observability/trace.js';
import { type Tx, withCommit } from '../database/transactions.js';
import { MOST_HANDICAP_SECONDS } from './contracts.js';

export interface NewMessage {
  id: string;
  queue: string;
  job: string;
  payload: unknown;
  runAt: Date | undefined;
  handicapSeconds: number;
  trace: Trace | undefined;
}

/** One hand-over of one row. Only the newest may start or finish the job. */
export interface Ticket {
  id: string;
  handovers: number;
}

export interface StartedRow extends Ticket {
  queue: string;
  job: string;
  payload: unknown;
  failures: number;
  requestId: string | null;
  traceparent: string | null;
  /** From due to begun. */
  waitedMs: number;
}

const LEASE = `interval '10 seconds'`;
// Every column has its value: a default is read anew from its text for each row.
const ADD = `INSERT INTO outbox (id, queue, job, payload, state, run_at, rank_at, handovers, runs, failures, created_at, request_id, traceparent)
  VALUES ($1, $2, $3, $4, 'queued', coalesce($5, now()), coalesce($5, now()) + $6 * interval '1 second', 0, 0, 0, now(), $7, $8)`;
const GUARD = 'INSERT INTO handled_jobs (outbox_id, job, handled_at, waited_ms) VALUES ($1, $2, now(), $3)';
const WAITED = `least(2147483647, greatest(0, extract(epoch FROM now() - outbox.run_at) * 1000))::int`;
const HAND = {
  name: 'outbox-hand',
  text: `WITH next AS MATERIALIZED (
           SELECT due.id FROM unnest($1::text[], $2::int[]) AS wanted(queue, room)
           CROSS JOIN LATERAL (
             SELECT id FROM outbox
             WHERE queue = wanted.queue AND state = 'queued' AND run_at <= now() AND rank_at <= now() + interval '${MOST_HANDICAP_SECONDS} seconds'
             ORDER BY rank_at, id LIMIT wanted.room FOR UPDATE SKIP LOCKED
           ) AS due
           WHERE NOT EXISTS (SELECT FROM queue_states WHERE queue_states.queue = wanted.queue AND paused)
         ), handed AS (
         UPDATE outbox SET state = 'handed', handovers = handovers + 1, lease_until = now() + ${LEASE}
         WHERE id = ANY (ARRAY (SELECT id FROM next))
         RETURNING id, queue, handovers, rank_at
         )
         SELECT id, queue, handovers FROM handed ORDER BY rank_at, id`,
};
const START = {
  name: 'outbox-start',
  text: `UPDATE outbox SET state = 'running', runs = runs + 1, lease_until = now() + ${LEASE}
         FROM unnest($1::uuid[], $2::int[]) AS ticket(id, handovers)
         WHERE outbox.id = ticket.id AND outbox.handovers = ticket.handovers AND state = 'handed'
           AND NOT EXISTS (SELECT FROM queue_states WHERE queue_states.queue = outbox.queue AND paused)
         RETURNING outbox.id, outbox.queue, outbox.handovers, outbox.job, outbox.payload, outbox.failures,
           outbox.request_id AS "requestId", outbox.traceparent, ${WAITED} AS "waitedMs"`,
};
const END = {
  name: 'outbox-end',
  text: `WITH ended AS (
         DELETE FROM outbox USING unnest($1::uuid[], $2::int[], $3::int[]) AS run(id, handovers, waited)
         WHERE outbox.id = run.id AND outbox.handovers = run.handovers AND state = 'running' RETURNING outbox.id, outbox.job, run.waited
       )
       INSERT INTO handled_jobs (outbox_id, job, handled_at, waited_ms) SELECT id, job, now(), waited FROM ended ON CONFLICT DO NOTHING`,
};
const CRASHES_ALLOWED = 10;
// Apart from each other more and more, so that what ends its process does not take the same neighbours along each time.
const CRASH_WAIT = `random() * least(300, power(2, runs - failures)) * interval '1 second'`;
const FORGET_AT_ONCE = 10_000;

// The driver gives [rows, count] for what writes and rows for what reads.
const written = <T>(answer: unknown): T[] => (answer as [T[], number])[0];

/** Every statement on the outbox that moves a row; each holds its own rule. */
@Injectable()
export class OutboxStore {
  constructor(
    private readonly db: DataSource,
    private readonly questions: Questions,
  ) {}

  add(tx: Tx, { id, queue, job, payload, runAt, handicapSeconds, trace }: NewMessage): void {
    const values = [id, queue, job, JSON.stringify(payload), runAt, handicapSeconds, trace?.requestId, trace && traceparentOf(trace)];
    withCommit(tx, { name: 'outbox-add', text: ADD, values });
  }

  /** Takes the next due rows, at most `room` of each queue; never the same row for two relays. */
  hand(rooms: ReadonlyMap<string, number>): Promise<(Ticket & { queue: string })[]> {
    return this.questions.ask<Ticket & { queue: string }>(HAND, [[...rooms.keys()], [...rooms.values()]]);
  }

  /** Back to the queue what Bull did not take. */
  async takeBack(tickets: readonly Ticket[]): Promise<void> {
    await this.db.query(
      `UPDATE outbox SET state = 'queued', lease_until = NULL FROM unnest($1::uuid[], $2::int[]) AS ticket(id, handovers)
       WHERE outbox.id = ticket.id AND outbox.handovers = ticket.handovers AND state = 'handed'`,
      columns(tickets),
    );
  }

  /** Back to the queue all that was handed over: the Redis it was handed to has forgotten it. */
  async takeAllBack(): Promise<number> {
    const rows = written(await this.db.query(`UPDATE outbox SET state = 'queued', lease_until = NULL WHERE state = 'handed' RETURNING id`));
    return rows.length;
  }

  /** Begins the jobs of those tickets that still hold. */
  start(tickets: readonly Ticket[]): Promise<StartedRow[]> {
    return this.questions.ask<StartedRow>(START, columns(tickets));
  }

  async renew(tickets: readonly Ticket[]): Promise<void> {
    await this.db.query(
      `UPDATE outbox SET lease_until = now() + ${LEASE} FROM unnest($1::uuid[], $2::int[]) AS ticket(id, handovers)
       WHERE outbox.id = ticket.id AND outbox.handovers = ticket.handovers AND state = 'running'`,
      columns(tickets),
    );
  }

  /** The lasting guard, committed with the effect: a second run of the same row fails on its key. */
  guard(tx: Tx, { id, job, waitedMs }: StartedRow): void {
    withCommit(tx, { name: 'outbox-guard', text: GUARD, values: [id, job, waitedMs] });
  }

  /** Ends jobs that had no effect here: the guard and the end of the row in one statement, of many at once. */
  async end(rows: readonly StartedRow[]): Promise<void> {
    await this.questions.ask(END, [...columns(rows), rows.map(({ waitedMs }) => waitedMs)]);
  }

  /** Takes out rows whose effect is committed. Where this is missed, the sweep does it. */
  async clear(ids: readonly string[]): Promise<void> {
    await this.db.query(`DELETE FROM outbox WHERE id = ANY($1::uuid[])`, [ids]);
  }

  /** After a failure: again later, or no more where `waitMs` is not given. */
  async fail({ id, handovers }: Ticket, error: string, waitMs: number | undefined): Promise<void> {
    await this.db.query(
      `UPDATE outbox SET state = CASE WHEN $4::float IS NULL THEN 'dead' ELSE 'queued' END, failures = failures + 1, last_error = left($3, 500), lease_until = NULL,
         run_at = now() + coalesce($4, 0) * interval '1 millisecond', rank_at = now() + coalesce($4, 0) * interval '1 millisecond' + (rank_at - run_at)
       WHERE id = $1 AND handovers = $2 AND state = 'running'`,
      [id, handovers, error, waitMs],
    );
  }

  /** Back to the queue, uncounted: this process does not know the job, a newer one will. */
  async postpone(ticket: Ticket, waitMs: number): Promise<void> {
    await this.db.query(
      `UPDATE outbox SET state = 'queued', runs = runs - 1, lease_until = NULL, run_at = now() + $3::float * interval '1 millisecond', rank_at = now() + $3::float * interval '1 millisecond' + (rank_at - run_at)
       WHERE id = $1 AND handovers = $2 AND state = 'running'`,
      [ticket.id, ticket.handovers, waitMs],
    );
  }

  /** Whatever was handed over or begun and is not done in its time goes back; what keeps ending its process becomes a dead letter. */
  async sweep(): Promise<{ id: string; job: string; was: string; state: string }[]> {
    return written(
      await this.db.query(
        `WITH late AS MATERIALIZED (
           SELECT late.* FROM unnest(ARRAY['handed', 'running']) AS taken(state)
           CROSS JOIN LATERAL (
             SELECT id, state FROM outbox WHERE state = taken.state AND lease_until < now() ORDER BY queue, rank_at, id LIMIT 500 FOR UPDATE SKIP LOCKED
           ) AS late
         ), done AS (
           DELETE FROM outbox USING late, handled_jobs WHERE outbox.id = late.id AND outbox_id = late.id
         )
         UPDATE outbox SET lease_until = NULL,
           run_at = CASE WHEN outbox.state = 'running' THEN now() + ${CRASH_WAIT} ELSE run_at END,
           state = CASE WHEN outbox.state = 'running' AND runs - failures >= ${CRASHES_ALLOWED} THEN 'dead' ELSE 'queued' END,
           last_error = CASE WHEN outbox.state = 'running' THEN 'the process died or stood still while it ran this job' ELSE last_error END
         FROM late WHERE outbox.id = late.id AND NOT EXISTS (SELECT FROM handled_jobs WHERE outbox_id = late.id)
         RETURNING outbox.id, outbox.job, late.state AS was, outbox.state`,
      ),
    );
  }

  /** Guards older than any row that could still be handed over twice. */
  async forget(days: number): Promise<void> {
    const [, count] = await this.db.query<[unknown[], number]>(
      `DELETE FROM handled_jobs WHERE outbox_id IN (
         SELECT outbox_id FROM handled_jobs WHERE outbox_id < $1 AND handled_at < now() - $2 * interval '1 day'
           AND NOT EXISTS (SELECT FROM outbox WHERE id = outbox_id) LIMIT ${FORGET_AT_ONCE})`,
      [idBound(Date.now() - days * 86_400_000), days],
    );
    if (count === FORGET_AT_ONCE) await this.forget(days);
  }
}

const columns = (tickets: readonly Ticket[]) => [tickets.map(({ id }) => id), tickets.map(({ handovers }) => handovers)];

// Ids begin with their time, so the oldest guards are at one end of the key.
function idBound(time: number): string {
  const hex = time.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
