import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transactions.js';
import { Belongings, type Belonging } from '../../users/belongings.service.js';
import { GONE } from './states.js';

const MOST = 10_000;
const WAITING = `'later', 'queued', 'held', 'taken'`;

/** What somebody sent and was sent. By his account and never by his telephone, which he only says is his. */
@Injectable()
export class MessagesOfPeople implements Belonging, OnModuleInit {
  readonly name = 'messages';

  constructor(
    private readonly belongings: Belongings,
    private readonly db: DataSource,
  ) {}

  onModuleInit(): void {
    this.belongings.add(this);
  }

  export(userId: string): Promise<unknown> {
    return this.db.query(
      `SELECT id, CASE WHEN person_id = $1 THEN 'received' ELSE 'sent' END AS kind, CASE WHEN phone NOT LIKE '${GONE}%' THEN phone END AS "to", text, template,
         state AS status, created_at AS "createdAt", sent_at AS "sentAt"
       FROM whatsapp_messages WHERE person_id = $1 OR sender_id = $1 ORDER BY id DESC LIMIT ${MOST}`,
      [userId],
    );
  }

  /** That something was sent stays; to whom, and what it said, goes. Who opted out stays known by his telephone alone, so that nobody writes to it. */
  async erase(tx: Tx, userId: string): Promise<void> {
    await tx.query('DELETE FROM whatsapp_audiences WHERE person_id = $1', [userId]);
    const phones = await tx.query<{ phone: string }[]>(
      'SELECT DISTINCT phone FROM (SELECT phone FROM whatsapp_messages WHERE person_id = $1 ORDER BY id FOR UPDATE) AS his',
      [userId],
    );
    if (phones.length === 0) return;
    await tx.query(
      `INSERT INTO whatsapp_recipients (phone, next_at, opted_out) VALUES ('${GONE}' || $1::text, now(), true) ON CONFLICT DO NOTHING`,
      [userId],
    );
    await tx.query(
      `UPDATE whatsapp_messages SET phone = '${GONE}' || $1::text, text = NULL, template = NULL,
         state = CASE WHEN state IN (${WAITING}) THEN 'suppressed' ELSE state END, why = CASE WHEN state IN (${WAITING}) THEN 'gone' ELSE why END
       WHERE person_id = $1::uuid`,
      [userId],
    );
    await tx.query(
      `DELETE FROM whatsapp_recipients r WHERE phone = ANY($1) AND NOT opted_out AND NOT EXISTS (SELECT FROM whatsapp_messages m WHERE m.phone = r.phone)`,
      [phones.map(({ phone }) => phone)],
    );
  }
}
