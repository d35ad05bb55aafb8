import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Questions } from '../../database/questions.js';
import type { Tx } from '../../database/transactions.js';
import { reaisOf } from '../reais.js';
import { exactly } from '../moments.js';

/** A gift with all that anyone may be told of it. */
export interface DonationView {
  id: string;
  campaignId: string;
  campaignSlug: string;
  campaignTitle: string;
  campaignOwnerId: string;
  userId: string | null;
  name: string | null;
  messagingConsent: boolean;
  anonymous: boolean;
  message: string | null;
  amountCents: number;
  currency: string;
  provider: string;
  method: string;
  payment: string | null;
  reference: string | null;
  status: string;
  createdAt: Date;
  expiresAt: Date;
  confirmedAt: Date | null;
  receiptNumber: string | null;
  refundStatus: 'pending' | 'done' | 'failed' | null;
  refundReason: string | null;
  refundRequestedAt: Date | null;
  refundDoneAt: Date | null;
}

/** One of the public feed. */
export interface ShownGift {
  id: string;
  name: string | null;
  message: string | null;
  amountCents: number;
  confirmedAt: Date;
  place: string;
}

/** A line of the list that an owner takes away. */
export interface ListedGift extends Pick<
  DonationView,
  'id' | 'status' | 'amountCents' | 'currency' | 'method' | 'anonymous' | 'name' | 'message' | 'createdAt' | 'confirmedAt' | 'receiptNumber'
> {
  email: string | null;
}

const VIEW = `d.id, d.campaign_id AS "campaignId", c.slug AS "campaignSlug", c.title AS "campaignTitle", c.owner_id AS "campaignOwnerId",
  d.user_id AS "userId", d.donor_name AS name, d.messaging_consent AS "messagingConsent", d.anonymous, d.message, d.amount_cents::float8 AS "amountCents",
  d.currency, d.provider, d.method, d.payment, d.reference, d.status, d.created_at AS "createdAt", d.expires_at AS "expiresAt", d.confirmed_at AS "confirmedAt",
  r.number::text AS "receiptNumber", f.status AS "refundStatus", f.reason AS "refundReason", f.requested_at AS "refundRequestedAt",
  f.done_at AS "refundDoneAt"`;
const FROM = `FROM donations d JOIN campaigns c ON c.id = d.campaign_id LEFT JOIN receipts r ON r.donation_id = d.id
  LEFT JOIN refunds f ON f.donation_id = d.id`;

const ONE = { name: 'donation-one', text: `SELECT ${VIEW} ${FROM} WHERE d.id = $1` };

// Where a page begins is always told: with "or from the start" in it, a plan made once would read all pages before.
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';
const AFTER_ALL = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
export const OF_USER = {
  name: 'donations-of-user',
  text: `SELECT ${VIEW} ${FROM} WHERE d.user_id = $1 AND d.id < $2 ORDER BY d.id DESC LIMIT $3`,
};
export const SHOWN = {
  name: 'donations-shown',
  text: `SELECT id, CASE WHEN anonymous THEN NULL ELSE donor_name END AS name, message, amount_cents::float8 AS "amountCents",
      confirmed_at AS "confirmedAt", ${exactly('confirmed_at')} || ' ' || id AS place
    FROM donations WHERE campaign_id = $1 AND status = 'confirmed' AND (confirmed_at, id) < ($2, $3)
    ORDER BY confirmed_at DESC, id DESC LIMIT $4`,
};
export const LISTED = {
  name: 'donations-listed',
  text: `SELECT d.id, d.status, d.amount_cents::float8 AS "amountCents", d.currency, d.method, d.anonymous, d.donor_name AS name,
      coalesce(d.donor_email, (SELECT email FROM users WHERE id = d.user_id)) AS email, d.message, d.created_at AS "createdAt",
      d.confirmed_at AS "confirmedAt", (SELECT number::text FROM receipts WHERE donation_id = d.id) AS "receiptNumber"
    FROM donations d WHERE d.campaign_id = $1 AND d.id > $2 ORDER BY d.id LIMIT $3`,
};

/** A gift whose donor may be thanked by a message. */
export interface ByPhone {
  phone: string;
  /** Nobody where a guest gave. */
  personId: string | null;
  name: string | null;
  amount: string;
  campaignId: string;
  campaignTitle: string;
}

/** A gift whose donor is thanked by a letter. */
export interface ByMail {
  email: string;
  amountCents: number;
  campaignTitle: string;
  receiptNumber: string | null;
}

const BY_MAIL = {
  name: 'donation-by-mail',
  text: `SELECT coalesce(d.donor_email, u.email) AS email, d.amount_cents::float8 AS "amountCents", c.title AS "campaignTitle", r.number::text AS "receiptNumber"
    FROM donations d JOIN campaigns c ON c.id = d.campaign_id LEFT JOIN receipts r ON r.donation_id = d.id LEFT JOIN users u ON u.id = d.user_id
    WHERE d.id = $1 AND coalesce(d.donor_email, u.email) IS NOT NULL`,
};

/** Of donations `d` and their users `u`. */
export const WANTS_MESSAGES = `CASE WHEN d.user_id IS NULL THEN d.messaging_consent AND d.donor_phone IS NOT NULL
  ELSE u.messaging_consent AND u.phone IS NOT NULL END`;

@Injectable()
export class DonationsStore {
  constructor(
    private readonly db: DataSource,
    private readonly questions: Questions,
  ) {}

  async find(id: string): Promise<DonationView | undefined> {
    const [found] = await this.questions.ask<DonationView>(ONE, [id]);
    return found;
  }

  /** What its donor is thanked with; nothing where nobody is written to, as who has gone meanwhile. */
  async byMail(id: string): Promise<ByMail | undefined> {
    const [found] = await this.questions.ask<ByMail>(BY_MAIL, [id]);
    return found;
  }

  /** Nothing where he wants no messages, or has no telephone; of somebody who signs in, as he says it now. */
  async byPhone(id: string): Promise<ByPhone | undefined> {
    const [found] = await this.db.query<(Omit<ByPhone, 'amount'> & { amountCents: string })[]>(
      `SELECT coalesce(u.phone, d.donor_phone) AS phone, coalesce(u.name, d.donor_name) AS name, d.user_id AS "personId", d.amount_cents AS "amountCents",
         d.campaign_id AS "campaignId", c.title AS "campaignTitle"
       FROM donations d JOIN campaigns c ON c.id = d.campaign_id LEFT JOIN users u ON u.id = d.user_id
       WHERE d.id = $1 AND d.status = 'confirmed' AND ${WANTS_MESSAGES}`,
      [id],
    );
    return found && { ...found, amount: reaisOf(Number(found.amountCents)) };
  }

  ofUser(userId: string, after: string | undefined, take: number): Promise<DonationView[]> {
    return this.questions.ask(OF_USER, [userId, after ?? AFTER_ALL, take]);
  }

  /** The newest first. */
  shown(campaignId: string, after: string | undefined, take: number): Promise<ShownGift[]> {
    const [at, id] = after?.split(' ') ?? ['infinity', AFTER_ALL];
    return this.questions.ask(SHOWN, [campaignId, at, id, take]);
  }

  /** The oldest first. */
  listed(campaignId: string, after: string | undefined, take: number): Promise<ListedGift[]> {
    return this.questions.ask(LISTED, [campaignId, after ?? BEFORE_ALL, take]);
  }

  /** Those of campaigns in which somebody's gifts are shown. */
  campaignsOf(userId: string): Promise<{ id: string; slug: string }[]> {
    return this.db.query('SELECT DISTINCT c.id, c.slug FROM donations d JOIN campaigns c ON c.id = d.campaign_id WHERE d.user_id = $1', [
      userId,
    ]);
  }

  /** The gifts stay, without anything that tells who gave. */
  async forgetPerson(tx: Tx, userId: string): Promise<void> {
    await tx.query(
      `UPDATE donations SET donor_name = NULL, donor_email = NULL, donor_phone = NULL, message = NULL, anonymous = true WHERE user_id = $1`,
      [userId],
    );
  }

  /** Nobody has paid for them in time; whoever still does is right all the same. */
  async expire(tx: Tx, most: number): Promise<{ id: string; provider: string }[]> {
    const [expired] = await tx.query<[{ id: string; provider: string }[], number]>(
      `UPDATE donations SET status = 'expired' WHERE id IN (
         SELECT id FROM donations WHERE status = 'pending' AND expires_at <= now() ORDER BY expires_at LIMIT ${most} FOR UPDATE SKIP LOCKED
       ) AND status = 'pending' RETURNING id, provider`,
    );
    return expired;
  }
}
