import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { columns, SETTLE, type Ticket } from './line.store.js';
import type { Outcome } from './provider/provider.js';
import { WHATSAPP } from './whatsapp.queue.js';

type Kind<K extends Outcome['kind']> = Extract<Outcome, { kind: K }>;

export interface Sent extends Ticket {
  reference: string;
  delivered: boolean;
}

/** Refused so often, a message is given up. */
const MOST_TRIES = 12;

/** What became of what was sent. Each statement counts only for who sends it now, but for the word that it was taken: that is always true. */
@Injectable()
export class OutcomesStore {
  constructor(private readonly db: DataSource) {}

  async sent(all: readonly Sent[]): Promise<void> {
    await this.db.query(
      `UPDATE whatsapp_messages m SET reference = coalesce(m.reference, t.reference), sent_at = coalesce(m.sent_at, clock_timestamp()), lease_until = NULL,
         code = NULL, why = NULL, advice = NULL,
         state = CASE WHEN m.state IN ('delivered', 'read', 'failed') THEN m.state WHEN t.delivered THEN 'delivered' ELSE 'sent' END
       FROM unnest($1::uuid[], $2::text[], $3::bool[]) AS t(id, reference, delivered) WHERE m.id = t.id`,
      [all.map(({ id }) => id), all.map(({ reference }) => reference), all.map(({ delivered }) => delivered)],
    );
  }

  /** Who has to wait besides: nobody, its recipient, or everybody. */
  async wait(ticket: Ticket, { why, code, waitMs, whom }: Kind<'wait'>): Promise<void> {
    await this.db.query(
      `WITH refused AS (
         UPDATE whatsapp_messages m SET lease_until = NULL, code = $4, why = $3, advice = NULL, tries = tries - ($6 = 'all')::int, send_at = clock_timestamp() + $5 * interval '1 millisecond',
           state = CASE WHEN $6 <> 'all' AND tries >= ${MOST_TRIES} THEN 'failed' ELSE 'later' END
         WHERE id = $1 AND handovers = $2 AND state = 'sending' RETURNING phone
       ), alone AS (
         UPDATE whatsapp_recipients r SET next_at = greatest(next_at, clock_timestamp() + $5 * interval '1 millisecond')
         FROM refused WHERE r.phone = refused.phone AND $6 = 'recipient'
       )
       SELECT`,
      [ticket.id, ticket.handovers, why, code, waitMs, whom],
    );
    if (whom === 'all') await this.hold(waitMs);
  }

  /** Everybody waits. */
  async hold(ms: number): Promise<void> {
    await this.db.query(`UPDATE whatsapp_pace SET next_at = greatest(next_at, clock_timestamp() + $1 * interval '1 millisecond')`, [ms]);
  }

  async stop(ticket: Ticket, { why, code, advice, optsOut }: Kind<'stop'>): Promise<void> {
    await this.db.query(
      `WITH refused AS (
         UPDATE whatsapp_messages m SET state = 'failed', lease_until = NULL, code = $4, why = $3, advice = $5
         WHERE id = $1 AND handovers = $2 AND state = 'sending' RETURNING phone
       )
       UPDATE whatsapp_recipients r SET opted_out = true, choice_at = clock_timestamp() FROM refused WHERE r.phone = refused.phone AND $6`,
      [ticket.id, ticket.handovers, why, code, advice, optsOut ?? false],
    );
  }

  /** Back into the line, which stands still from now on. */
  async fix(ticket: Ticket, { why, code, advice }: Kind<'fix'>): Promise<void> {
    await this.db.query(
      `WITH refused AS (
         UPDATE whatsapp_messages m SET state = 'queued', lease_until = NULL, code = $4, why = $3, advice = $5, tries = tries - 1
         WHERE id = $1 AND handovers = $2 AND state = 'sending'
       )
       INSERT INTO queue_states (queue, paused, changed_at, why) VALUES ('${WHATSAPP}', true, now(), $6)
       ON CONFLICT (queue) DO UPDATE SET paused = true, changed_at = now(), why = excluded.why WHERE NOT queue_states.paused`,
      [ticket.id, ticket.handovers, why, code, advice, `${why} ${advice}`],
    );
  }

  async unknown(tickets: readonly Ticket[], why: string): Promise<void> {
    await this.db.query(
      `UPDATE whatsapp_messages m SET state = 'unknown', lease_until = NULL, why = $3, advice = '${SETTLE}' FROM unnest($1::uuid[], $2::int[]) AS t(id, handovers)
       WHERE m.id = t.id AND m.handovers = t.handovers AND m.state = 'sending'`,
      [...columns(tickets), why],
    );
  }
}
