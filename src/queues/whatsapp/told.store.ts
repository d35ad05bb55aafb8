import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transactions.js';
import type { From } from '../../http/lists.js';
import { newId } from '../../kernel/ids.js';
import type { Inbound, ToldStatus } from './provider/webhook.reading.js';

export interface InboundView {
  id: string;
  phone: string;
  kind: string;
  text: string | null;
  at: Date;
}

/** How far each word of the provider brings a message; none brings it back. */
const RANK = (state: string) =>
  `CASE ${state} WHEN 'sent' THEN 1 WHEN 'failed' THEN 2 WHEN 'delivered' THEN 3 WHEN 'read' THEN 4 WHEN 'suppressed' THEN 1 ELSE 0 END`;

/** What the provider tells: each word once, whenever and however often it comes. */
@Injectable()
export class ToldStore {
  constructor(private readonly db: DataSource) {}

  /** Of messages that are ours; of others nothing is kept. How many of them were news. */
  async take(tx: Tx, told: readonly (ToldStatus & { advice: string | null })[]): Promise<number> {
    const [found] = await tx.query<[{ news: number }]>(
      `WITH told AS (
         SELECT m.id, t.* FROM unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[], $5::int[], $6::text[], $7::text[])
           AS t(reference, ours, status, at, code, why, advice)
         JOIN whatsapp_messages m ON m.id = coalesce(t.ours, (SELECT r.id FROM whatsapp_messages r WHERE r.reference = t.reference ORDER BY r.id LIMIT 1))
         ORDER BY m.id FOR UPDATE OF m
       ), news AS (
         INSERT INTO whatsapp_statuses (message_id, status, at, code, why, received_at) SELECT id, status, at, code, why, now() FROM told
         ON CONFLICT DO NOTHING RETURNING message_id, status
       ), furthest AS (
         SELECT DISTINCT ON (id) told.* FROM told JOIN news ON news.message_id = told.id AND news.status = told.status ORDER BY id, ${RANK('told.status')} DESC
       ), moved AS (
         UPDATE whatsapp_messages m SET state = f.status, reference = coalesce(m.reference, f.reference), sent_at = coalesce(m.sent_at, f.at), lease_until = NULL,
           code = f.code, why = f.why, advice = f.advice
         FROM furthest f WHERE m.id = f.id AND ${RANK('f.status')} > ${RANK('m.state')} AND (f.status <> 'failed' OR m.tries > 0)
       )
       SELECT count(*)::int AS news FROM news`,
      [
        ...[told.map(({ reference }) => reference), told.map(({ messageId }) => messageId ?? null), told.map(({ status }) => status)],
        ...[told.map(({ at }) => at), told.map(({ errorCode }) => errorCode ?? null), told.map(({ error }) => error ?? null)],
        told.map(({ advice }) => advice),
      ],
    );
    return found.news;
  }

  /** `false` where it was kept before. */
  async keep(tx: Tx, { reference, phone, kind, text, at }: Inbound): Promise<boolean> {
    const kept = await tx.query<unknown[]>(
      `INSERT INTO whatsapp_inbound (id, reference, phone, kind, text, at, received_at) VALUES ($1, $2, $3, $4, $5, $6, now())
       ON CONFLICT (reference) DO NOTHING RETURNING id`,
      [newId(), reference, phone, kind, text, at],
    );
    return kept.length === 1;
  }

  /** The newest first. */
  inbound({ after, skip, take }: From): Promise<InboundView[]> {
    return this.db.query<InboundView[]>(
      'SELECT id, phone, kind, text, at FROM whatsapp_inbound WHERE ($1::uuid IS NULL OR id < $1) ORDER BY id DESC OFFSET $2 LIMIT $3',
      [after, skip, take],
    );
  }

  async countInbound(): Promise<number> {
    const [found] = await this.db.query<[{ many: number }]>('SELECT count(*)::int AS many FROM whatsapp_inbound');
    return found.many;
  }
}
