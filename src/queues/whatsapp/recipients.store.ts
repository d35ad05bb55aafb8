import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transactions.js';
import type { From } from '../../http/lists.js';

/** Not those who are gone, of whom nobody but they themselves would know who they were. */
const OUT = `opted_out AND phone LIKE '+%' AND choice_at IS NOT NULL`;
const WINDOW = `interval '24 hours'`;

/** Whether the owner of a telephone wants any more. */
export interface Choice {
  phone: string;
  at: Date;
  wants: boolean;
}

@Injectable()
export class RecipientsStore {
  constructor(private readonly db: DataSource) {}

  /** Whether anything may be written there, as its owner has written within a day. */
  async isOpen(phone: string): Promise<boolean> {
    const found = await this.db.query<unknown[]>('SELECT FROM whatsapp_recipients WHERE phone = $1 AND window_until > now()', [phone]);
    return found.length > 0;
  }

  /** Its owner has just written. */
  async open(tx: Tx, phone: string, at: Date): Promise<void> {
    await tx.query(
      `INSERT INTO whatsapp_recipients AS r (phone, next_at, window_until, opted_out) VALUES ($1, now(), $2::timestamptz + ${WINDOW}, false)
       ON CONFLICT (phone) DO UPDATE SET window_until = greatest(r.window_until, excluded.window_until)`,
      [phone, at],
    );
  }

  /** The last word counts, in whatever order they come; of one second, that he wants none. What waits goes first: whoever sends takes messages and people in this order. */
  async choose(tx: Tx, { phone, at, wants }: Choice): Promise<void> {
    if (!wants)
      await tx.query(
        `UPDATE whatsapp_messages SET state = 'suppressed', why = 'opted_out' WHERE phone = $1 AND state IN ('later', 'queued', 'held')
           AND NOT EXISTS (SELECT FROM whatsapp_recipients r WHERE r.phone = $1 AND r.choice_at > $2)`,
        [phone, at],
      );
    await tx.query(
      `INSERT INTO whatsapp_recipients AS r (phone, next_at, opted_out, choice_at) VALUES ($1, now(), NOT $3::bool, $2)
       ON CONFLICT (phone) DO UPDATE SET opted_out = excluded.opted_out, choice_at = excluded.choice_at
         WHERE coalesce(r.choice_at < $2 OR (r.choice_at = $2 AND NOT $3::bool), true)`,
      [phone, at, wants],
    );
  }

  /** The last who opted out first. */
  optedOut({ after, skip, take }: From): Promise<{ id: string; at: Date }[]> {
    return this.db.query(
      `SELECT phone AS id, choice_at AS at FROM whatsapp_recipients WHERE ${OUT}
         AND ($1::timestamptz IS NULL OR (choice_at, phone) < ($1, $2)) ORDER BY choice_at DESC, phone DESC OFFSET $3 LIMIT $4`,
      [...(after?.split(' ') ?? [undefined, undefined]), skip, take],
    );
  }

  async countOptedOut(): Promise<number> {
    const [found] = await this.db.query<[{ many: number }]>(`SELECT count(*)::int AS many FROM whatsapp_recipients WHERE ${OUT}`);
    return found.many;
  }
}
