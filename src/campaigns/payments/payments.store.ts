import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Questions, type Question } from '../../database/questions.js';
import { newId } from '../../kernel/ids.js';
import { exactly } from '../moments.js';

/** What a provider told of one of our charges. */
export interface PaymentEvent {
  provider: string;
  /** The provider's own, by which it is told once however often it comes. */
  eventId: string;
  donationId: string;
  kind: 'paid' | 'failed' | 'refunded' | 'refund_failed';
  amountCents?: number | null;
  reference?: string | null;
}

/** One that an admin has to look at. */
export interface HeldPayment extends PaymentEvent {
  askedCents: number | null;
  receivedAt: Date;
  place: string;
}

/** `again`: it was heard before. All others say how it stands now. */
export type Standing = 'applied' | 'early' | 'ignored' | 'held' | 'accepted' | 'again';

type Kind = PaymentEvent['kind'];

const IS_OPEN = `was.status IN ('pending', 'failed', 'expired')`;

/** What is to be made of an event, by its gift as it is at this moment. */
const verdicts: Record<Kind, string> = {
  paid: `CASE WHEN was.id IS NULL THEN 'early' WHEN ${IS_OPEN} AND was.amount_cents = $5 THEN 'applied'
    WHEN was.amount_cents = $5 AND was.reference = $6 THEN 'ignored' ELSE 'held' END`,
  failed: `CASE WHEN was.id IS NULL THEN 'early' WHEN was.status = 'pending' THEN 'applied' ELSE 'ignored' END`,
  refunded: `CASE WHEN was.id IS NULL OR ${IS_OPEN} THEN 'early' WHEN was.status <> 'confirmed' THEN 'ignored'
    WHEN $5::bigint IS NULL OR was.amount_cents = $5 THEN 'applied' ELSE 'held' END`,
  refund_failed: `CASE WHEN was.id IS NULL THEN 'early' WHEN was.status = 'confirmed' THEN 'applied' ELSE 'ignored' END`,
};

const THIS_ONE = `e.provider = $1 AND e.event_id = $2 AND e.kind = $4
  AND e.amount_cents IS NOT DISTINCT FROM $5::bigint AND e.reference IS NOT DISTINCT FROM $6::text`;

/** Where an event comes from: it is new, or it was kept. */
const sources = {
  new: (kind: Kind) => `INSERT INTO payment_events (provider, event_id, donation_id, kind, amount_cents, reference, state, received_at)
    SELECT $1, $2, $3, $4, $5::bigint, $6::text, ${verdicts[kind]}, now() FROM (VALUES (1)) AS one LEFT JOIN was ON true
    ON CONFLICT DO NOTHING RETURNING state`,
  early: (kind: Kind) => `UPDATE payment_events e SET state = ${verdicts[kind]} FROM was
    WHERE ${THIS_ONE} AND e.state = 'early' AND e.donation_id = was.id RETURNING e.state`,
  /** By an admin: whatever was paid is what was given. */
  held: () => `UPDATE payment_events e SET state = 'accepted' FROM was
    WHERE ${THIS_ONE} AND e.state = 'held' AND e.donation_id = was.id AND ${IS_OPEN} RETURNING e.state`,
};

/** All of it or nothing, in one statement: the gift, its place in the ledger, its donor and its part of the sum. */
const effects: Record<Kind, string> = {
  paid: `gift AS (
      UPDATE donations SET status = 'confirmed', confirmed_at = now(), reference = $6, amount_cents = $5 FROM effective WHERE id = $3
      RETURNING id, campaign_id, donor_key, amount_cents
    ), written AS (
      INSERT INTO ledger (donation_id, kind, campaign_id, debit, credit, amount_cents, at)
      SELECT id, 'gift', campaign_id, 'provider:' || $1, 'campaign:' || campaign_id, amount_cents, now() FROM gift
    ), donor AS (
      INSERT INTO campaign_donors AS known (campaign_id, donor_key, gifts) SELECT campaign_id, donor_key, 1 FROM gift
      ON CONFLICT (campaign_id, donor_key) DO UPDATE SET gifts = known.gifts + 1 RETURNING gifts
    ), added AS (
      INSERT INTO campaign_tail (id, campaign_id, donation_id, cents, donors)
      SELECT $7, campaign_id, id, amount_cents, CASE gifts WHEN 1 THEN 1 ELSE 0 END FROM gift, donor
    )`,
  failed: `gift AS (UPDATE donations SET status = 'failed' FROM effective WHERE id = $3)`,
  /**
   * Also where the money was given back at the provider's own desk. A payment that was committed while this one waited for the gift
   * is in the row that was locked, and not in what else this statement reads: so its time comes from there, and its donor by the conflict.
   */
  refunded: `gift AS (
      UPDATE donations d SET status = 'refunded', confirmed_at = was.confirmed_at FROM effective, was WHERE d.id = $3
      RETURNING d.id, d.campaign_id, d.donor_key, d.amount_cents
    ), refund AS (
      INSERT INTO refunds (id, donation_id, status, requested_at, done_at) SELECT $7, id, 'done', now(), now() FROM gift
      ON CONFLICT (donation_id) DO UPDATE SET status = 'done', done_at = now()
    ), written AS (
      INSERT INTO ledger (donation_id, kind, campaign_id, debit, credit, amount_cents, at)
      SELECT id, 'refund', campaign_id, 'campaign:' || campaign_id, 'provider:' || $1, amount_cents, now() FROM gift
    ), donor AS (
      INSERT INTO campaign_donors AS known (campaign_id, donor_key, gifts) SELECT campaign_id, donor_key, 0 FROM gift
      ON CONFLICT (campaign_id, donor_key) DO UPDATE SET gifts = known.gifts - 1 RETURNING gifts
    ), added AS (
      INSERT INTO campaign_tail (id, campaign_id, donation_id, cents, donors)
      SELECT $7, campaign_id, id, -amount_cents, CASE gifts WHEN 0 THEN -1 ELSE 0 END FROM gift, donor
    )`,
  refund_failed: `refund AS (UPDATE refunds SET status = 'failed' FROM effective WHERE donation_id = $3 AND refunds.status = 'pending')`,
};

export const statementOf = (from: keyof typeof sources, kind: Kind): Question => ({
  name: `payment-${from}-${kind}`,
  text: `WITH was AS MATERIALIZED (SELECT id, status, amount_cents, reference, confirmed_at FROM donations WHERE id = $3 AND provider = $1 FOR UPDATE),
    event AS (${sources[from](kind)}),
    effective AS (SELECT FROM event WHERE state IN ('applied', 'accepted')), ${effects[kind]}
    SELECT state FROM event`,
});

const kinds = Object.keys(effects) as Kind[];
const questions = Object.fromEntries(
  (Object.keys(sources) as (keyof typeof sources)[]).flatMap((from) => kinds.map((kind) => [`${from} ${kind}`, statementOf(from, kind)])),
);

@Injectable()
export class PaymentsStore {
  constructor(
    private readonly db: DataSource,
    private readonly questions: Questions,
  ) {}

  apply(event: PaymentEvent): Promise<Standing> {
    return this.say('new', event);
  }

  /** One that had come before its donation. */
  applyEarly(event: PaymentEvent): Promise<Standing> {
    return this.say('early', event);
  }

  accept(event: PaymentEvent): Promise<Standing> {
    return this.say('held', event);
  }

  /** Of what may still be paid, or even given back; nothing for what never was. */
  async providerOf(donationId: string, evenPaid: boolean): Promise<string | undefined> {
    const [found] = await this.db.query<{ provider: string }[]>(
      `SELECT provider FROM donations WHERE id = $1 AND (status IN ('pending', 'failed', 'expired') OR ($2 AND status = 'confirmed'))`,
      [donationId, evenPaid],
    );
    return found?.provider;
  }

  async dismiss({ provider, eventId }: PaymentEvent): Promise<boolean> {
    const [, count] = await this.db.query<[unknown, number]>(
      `UPDATE payment_events SET state = 'dismissed' WHERE provider = $1 AND event_id = $2 AND state = 'held'`,
      [provider, eventId],
    );
    return count === 1;
  }

  /** Those whose gift is there by now, and as they need it. */
  early(most: number): Promise<PaymentEvent[]> {
    return this.db.query(
      `SELECT ${EVENT} FROM payment_events e JOIN donations d ON d.id = e.donation_id AND d.provider = e.provider
        WHERE state = 'early' AND (e.kind <> 'refunded' OR d.status = 'confirmed') ORDER BY received_at LIMIT ${most}`,
    );
  }

  /** The oldest first. */
  held(after: string | undefined, take: number): Promise<HeldPayment[]> {
    // A provider's id may hold blanks.
    const [at, ...rest] = after?.split(' ') ?? [];
    return this.db.query(
      `SELECT ${EVENT}, d.amount_cents::float8 AS "askedCents", received_at AS "receivedAt", ${exactly('received_at')} || ' ' || event_id AS place
         FROM payment_events e LEFT JOIN donations d ON d.id = e.donation_id
        WHERE state = 'held' AND ($1::timestamptz IS NULL OR (received_at, event_id) > ($1, $2::text)) ORDER BY received_at, event_id LIMIT $3`,
      [at ?? null, rest.join(' '), take],
    );
  }

  async findHeld(provider: string, eventId: string): Promise<PaymentEvent | undefined> {
    const [found] = await this.db.query<PaymentEvent[]>(
      `SELECT ${EVENT} FROM payment_events e WHERE provider = $1 AND event_id = $2 AND state = 'held'`,
      [provider, eventId],
    );
    return found;
  }

  private async say(
    from: keyof typeof sources,
    { provider, eventId, donationId, kind, amountCents, reference }: PaymentEvent,
  ): Promise<Standing> {
    const moves = kind === 'paid' || kind === 'refunded';
    const values = [provider, eventId, donationId, kind, amountCents ?? null, reference ?? null, ...(moves ? [newId()] : [])];
    const [told] = await this.questions.ask<{ state: Standing }>(questions[`${from} ${kind}`]!, values);
    return told?.state ?? 'again';
  }
}

const EVENT = `e.provider, e.event_id AS "eventId", e.donation_id AS "donationId", e.kind, e.amount_cents::float8 AS "amountCents", e.reference`;
