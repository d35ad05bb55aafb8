import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Questions, type Question } from '../../database/questions.js';
import type { Tx } from '../../database/transactions.js';

/** A gift that is promised, with the answer that its question gets from now on. */
export interface Pledge {
  id: string;
  campaignId: string;
  userId: string | null;
  donorKey: string;
  name: string | null;
  email: string | null;
  phone: string | null;
  messagingConsent: boolean;
  anonymous: boolean;
  message: string | null;
  amountCents: number;
  provider: string;
  method: string;
  expiresAt: Date;
  /** Of the key and of the question, by which the same question is known again. */
  key: Buffer;
  question: Buffer;
  /** Nothing while the provider has still to be asked. */
  payment: string | null;
  body: string | null;
}

export type Taken = Pick<Pledge, 'id' | 'amountCents' | 'provider' | 'expiresAt' | 'method'>;

/** What the provider made of it, and what is answered with that. */
interface Charged {
  provider: string;
  payment: string;
  body: string;
}

export interface StoredAnswer {
  question: Buffer;
  donationId: string | null;
  status: number | null;
  body: string | null;
  /** Whether somebody is still at it. */
  busy: boolean;
}

/** Longer than a provider is waited for. */
const LEASE = `now() + interval '4500 milliseconds'`;

const IS_OPEN = `c.status = 'active' AND (c.ends_at IS NULL OR c.ends_at > now())`;

/**
 * Only while the campaign is open, and stays there until the end of this, and only the first of those with this key. Whoever gives
 * by name is held, too: one who goes at this moment goes before it, or takes his name with him.
 */
export const ADD: Question = {
  name: 'pledge-add',
  text: `WITH giver AS (SELECT name FROM users WHERE id = $6 AND deleted_at IS NULL FOR SHARE), answer AS (
    INSERT INTO stored_answers (key, question, donation_id, status, body, lease_until, created_at)
    SELECT $1, $2, $3, CASE WHEN $4::text IS NULL THEN NULL ELSE 201 END, $4, ${LEASE}, now() FROM campaigns c
     WHERE c.id = $5 AND ${IS_OPEN} AND ($6::uuid IS NULL OR EXISTS (SELECT FROM giver)) FOR KEY SHARE OF c
    ON CONFLICT DO NOTHING RETURNING 1
  ), gift AS (
    INSERT INTO donations (id, campaign_id, user_id, donor_key, donor_name, donor_email, donor_phone, messaging_consent, anonymous, message,
      amount_cents, currency, provider, method, payment, status, created_at, expires_at)
    SELECT $3, $5, $6, $7, coalesce($8, (SELECT name FROM giver)), $9, $10, $11, $12, $13, $14, 'BRL', $15, $16, $17, 'pending', now(), $18
      FROM answer
  ) SELECT FROM answer`,
};

const FIND: Question = {
  name: 'answer-find',
  text: `SELECT question, donation_id AS "donationId", status, body, lease_until > now() AS busy FROM stored_answers WHERE key = $1`,
};

@Injectable()
export class PledgesStore {
  constructor(
    private readonly db: DataSource,
    private readonly questions: Questions,
  ) {}

  /** `false` where the key is known or the campaign takes no gifts. */
  async add(pledge: Pledge): Promise<boolean> {
    return (await this.questions.ask(ADD, valuesOf(pledge))).length === 1;
  }

  /** With what must follow, which is only right where this says `true`. */
  async addWith(tx: Tx, pledge: Pledge): Promise<boolean> {
    return (await tx.query<unknown[]>(ADD.text, valuesOf(pledge))).length === 1;
  }

  async find(key: Buffer): Promise<StoredAnswer | undefined> {
    const [found] = await this.questions.ask<StoredAnswer>(FIND, [key]);
    return found;
  }

  /** A refusal that stays. `false` where somebody else was first. */
  async refuse(key: Buffer, question: Buffer, status: number, body: string): Promise<boolean> {
    const added = await this.db.query<unknown[]>(
      `INSERT INTO stored_answers (key, question, status, body, lease_until, created_at) VALUES ($1, $2, $3, $4, now(), now())
       ON CONFLICT DO NOTHING RETURNING 1`,
      [key, question, status, body],
    );
    return added.length === 1;
  }

  /** From whoever died with it, or gave it up, while its campaign is open. Where little of its time is left, that begins anew. */
  async takeOver(key: Buffer, expiresAt: Date): Promise<Taken | undefined> {
    const [rows] = await this.db.query<[Taken[], number]>(
      `WITH taken AS (
         UPDATE stored_answers a SET lease_until = ${LEASE} FROM donations d, campaigns c
          WHERE a.key = $1 AND a.status IS NULL AND a.lease_until <= now() AND d.id = a.donation_id AND c.id = d.campaign_id AND ${IS_OPEN}
         RETURNING d.id
       ) UPDATE donations d SET expires_at = CASE WHEN d.expires_at < now() + interval '30 minutes' THEN $2 ELSE d.expires_at END, status = CASE d.status WHEN 'expired' THEN 'pending' ELSE d.status END
           FROM taken WHERE d.id = taken.id
         RETURNING d.id, d.amount_cents::float8 AS "amountCents", d.provider, d.method, d.expires_at AS "expiresAt"`,
      [key, expiresAt],
    );
    return rows[0];
  }

  async answer(tx: Tx, key: Buffer, donationId: string, { provider, payment, body }: Charged): Promise<void> {
    await tx.query('UPDATE donations SET provider = $2, payment = $3 WHERE id = $1', [donationId, provider, payment]);
    await tx.query('UPDATE stored_answers SET status = 201, body = $2 WHERE key = $1', [key, body]);
  }

  /** So that the next try need not wait. */
  async giveUp(key: Buffer): Promise<void> {
    await this.db.query('UPDATE stored_answers SET lease_until = now() WHERE key = $1 AND status IS NULL', [key]);
  }

  async forget(hours: number, most: number): Promise<boolean> {
    const [, count] = await this.db.query<[unknown, number]>(
      `DELETE FROM stored_answers WHERE key IN (
         SELECT key FROM stored_answers WHERE created_at < now() - $1 * interval '1 hour' LIMIT ${most})`,
      [hours],
    );
    return count === most;
  }
}

const valuesOf = (pledge: Pledge): unknown[] => [
  ...[pledge.key, pledge.question, pledge.id, pledge.body, pledge.campaignId, pledge.userId, pledge.donorKey],
  ...[pledge.name, pledge.email, pledge.phone, pledge.messagingConsent, pledge.anonymous, pledge.message, pledge.amountCents],
  ...[pledge.provider, pledge.method, pledge.payment, pledge.expiresAt],
];
