import { Injectable } from '@nestjs/common';
import type { Tx } from '../../../database/transactions.js';
import type { Template } from '../provider/provider.js';
import type { BroadcastState } from './broadcasts.store.js';

export interface Made {
  id: string;
  phone: string;
  personId: string | null;
  template: Template;
}

export type Addressee = Pick<Made, 'phone' | 'personId'> & { name: string | null };

/** A broadcast whose messages are being written. */
export interface Preparing {
  state: BroadcastState;
  template: Template;
  recipients: number;
  prepared: number;
}

@Injectable()
export class PreparingStore {
  /** Whoever holds it is the only one who writes its messages, and its state stays. */
  async hold(tx: Tx, id: string): Promise<Preparing | undefined> {
    const [found] = await tx.query<Preparing[]>(
      'SELECT state, template, recipients, prepared FROM whatsapp_broadcasts WHERE id = $1 FOR UPDATE',
      [id],
    );
    return found;
  }

  async next(tx: Tx, id: string, after: number, most: number): Promise<Addressee[]> {
    const [taken] = await tx.query<[Addressee[]]>(
      'DELETE FROM whatsapp_audiences WHERE broadcast_id = $1 AND place > $2 AND place <= $2 + $3 RETURNING phone, name, person_id AS "personId"',
      [id, after, most],
    );
    // By telephone, as two who write down new ones in different orders would wait for each other.
    return taken.sort((one, other) => (one.phone < other.phone ? -1 : 1));
  }

  /** Each behind the one before it, as far as the pace keeps them apart. */
  async make(tx: Tx, id: string, made: readonly Made[], perSecond: number): Promise<void> {
    await tx.query(
      `WITH made AS (
         SELECT t.*, t.place / $5::float8 * interval '1 second' AS behind FROM unnest($2::uuid[], $3::text[], $4::jsonb[], $6::uuid[]) WITH ORDINALITY AS t(id, phone, template, person_id, place)
       ), known AS (
         INSERT INTO whatsapp_recipients (phone, next_at, opted_out) SELECT phone, now(), false FROM made ON CONFLICT DO NOTHING
       )
       INSERT INTO whatsapp_messages (id, sender_id, person_id, campaign_id, broadcast_id, lane, phone, template, state, why, send_at, rank_at, handovers, tries, created_at)
       SELECT made.id, b.sender_id, made.person_id, b.campaign_id, b.id, 'broadcast', made.phone, made.template,
         CASE WHEN r.opted_out THEN 'suppressed' WHEN b.state = 'paused' THEN 'held' ELSE 'queued' END, CASE WHEN r.opted_out THEN 'opted_out' END,
         now(), b.last_rank_at + made.behind, 0, 0, now()
       FROM whatsapp_broadcasts b, made LEFT JOIN whatsapp_recipients r ON r.phone = made.phone WHERE b.id = $1`,
      [
        ...[id, made.map((one) => one.id), made.map(({ phone }) => phone), made.map(({ template }) => JSON.stringify(template)), perSecond],
        made.map(({ personId }) => personId),
      ],
    );
  }

  /** So many places are written, whoever stood there. */
  async advance(tx: Tx, id: string, places: number, perSecond: number): Promise<void> {
    await tx.query(
      `UPDATE whatsapp_broadcasts SET prepared = prepared + $2, last_rank_at = last_rank_at + $2 / $3::float8 * interval '1 second' WHERE id = $1`,
      [id, places, perSecond],
    );
  }

  async ready(tx: Tx, id: string): Promise<void> {
    await tx.query(`UPDATE whatsapp_broadcasts SET state = 'running' WHERE id = $1 AND state = 'preparing'`, [id]);
  }
}
