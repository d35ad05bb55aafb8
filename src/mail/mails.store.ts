import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type Tx, withCommit } from '../database/transactions.js';
import type { From } from '../http/lists.js';
import type { Letter } from './letter.js';
import { Mail, type MailStatus } from './mail.entity.js';

export interface KeptLetter extends Letter {
  id: string;
  at: Date;
}

const MOST_KEPT = 500;
const SENT = `UPDATE mails SET status = 'sent', at = now() WHERE id = $1 AND status IN ('sending', 'unknown')`;

@Injectable()
export class MailsStore {
  constructor(private readonly db: DataSource) {}

  async statusOf(id: string): Promise<MailStatus | undefined> {
    const [found] = await this.db.query<{ status: MailStatus }[]>('SELECT status FROM mails WHERE id = $1', [id]);
    return found?.status;
  }

  /** Only for a letter that is new or waits; `false` where it is not for this run any more. */
  async begin(id: string, status: 'sending' | 'waiting' | 'refused'): Promise<boolean> {
    const begun = await this.db.query<unknown[]>(
      `INSERT INTO mails (id, status, at) VALUES ($1, $2, now())
       ON CONFLICT (id) DO UPDATE SET status = excluded.status, at = excluded.at WHERE mails.status = 'waiting' RETURNING id`,
      [id, status],
    );
    return begun.length === 1;
  }

  /** What became of a letter that was being sent; `false` where somebody else has said it. */
  async end(id: string, status: 'waiting' | 'refused' | 'unknown'): Promise<boolean> {
    const [, count] = await this.db.query<[unknown[], number]>(
      `UPDATE mails SET status = $2, at = now() WHERE id = $1 AND status = 'sending'`,
      [id, status],
    );
    return count === 1;
  }

  /** Whoever heard the server say so knows more than another run that gave it up. */
  sent(tx: Tx, id: string): void {
    withCommit(tx, { name: 'mail-sent', text: SENT, values: [id] });
  }

  /** Into the mailbox of development, which holds the newest. `false` where it is not for this run any more. */
  async keep(tx: Tx, id: string, { to, subject, text }: Letter): Promise<boolean> {
    const kept = await tx.query<unknown[]>(
      `INSERT INTO mails (id, status, at, recipient, subject, body) VALUES ($1, 'kept', now(), $2, $3, $4)
       ON CONFLICT (id) DO UPDATE SET status = 'kept', at = now(), recipient = $2, subject = $3, body = $4 WHERE mails.status = 'waiting'
       RETURNING id`,
      [id, to, subject, text],
    );
    await tx.query(
      `DELETE FROM mails WHERE id IN (SELECT id FROM mails WHERE id IN (
         SELECT id FROM mails WHERE status = 'kept' ORDER BY at DESC, id DESC OFFSET ${MOST_KEPT}
       ) FOR UPDATE SKIP LOCKED)`,
    );
    return kept.length === 1;
  }

  async forget(tx: Tx, recipient: string): Promise<void> {
    await tx.query('DELETE FROM mails WHERE recipient = $1', [recipient]);
  }

  /** The newest first, as they were asked for. */
  kept(to: string | undefined, { after, skip, take }: From): Promise<KeptLetter[]> {
    return this.db.query<KeptLetter[]>(
      `SELECT id, recipient AS "to", subject, body AS text, at FROM mails
       WHERE status = 'kept' AND ($1::text IS NULL OR recipient = $1) AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC OFFSET $3 LIMIT $4`,
      [to, after, skip, take],
    );
  }

  countKept(to: string | undefined): Promise<number> {
    return this.db.manager.countBy(Mail, { status: 'kept', ...(to !== undefined && { recipient: to }) });
  }
}
