import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../../database/transactions.js';

/** Who gave to a campaign at least so much, and once more since then. */
export interface Audience {
  kind: 'supporters';
  minCents?: number | undefined;
  since?: Date | undefined;
}

/** Telephones, each counted once, and who consented without one that can be reached. */
export interface Reach {
  optedOut: number;
  invalid: number;
  willGo: number;
  /** Of those to whom it goes, who would be written to first. */
  opens: number;
}

/** The same rule as `canonicalPhone`. */
export const canonicalSql = (phone: string): string =>
  `regexp_replace(regexp_replace(regexp_replace(${phone}, '^\\+55([1-9]{2})([6-9][0-9]{7})$', '+55\\19\\2'), '^\\+521([0-9]{10})$', '+52\\1'), '^\\+54([1-8][0-9]{9})$', '+549\\1')`;

/** Whoever gave as a guest is asked for his latest gift's word, whoever is signed in for his present one. */
const KNOWN = `
  people AS (
    SELECT DISTINCT ON (donor_key) user_id, donor_name, donor_phone, messaging_consent,
      sum(amount_cents) OVER gifts AS cents, max(confirmed_at) OVER gifts AS last_at
    FROM donations WHERE campaign_id = $1 AND status = 'confirmed'
    WINDOW gifts AS (PARTITION BY donor_key) ORDER BY donor_key, created_at DESC, id DESC
  ), willing AS (
    SELECT ${canonicalSql('CASE WHEN p.user_id IS NULL THEN p.donor_phone ELSE u.phone END')} AS phone, coalesce(u.name, p.donor_name) AS name, p.user_id
    FROM people p LEFT JOIN users u ON u.id = p.user_id
    WHERE p.cents >= $2 AND ($3::timestamptz IS NULL OR p.last_at >= $3) AND CASE WHEN p.user_id IS NULL THEN p.messaging_consent
      ELSE u.messaging_consent AND u.disabled_at IS NULL AND u.deleted_at IS NULL END
  ), known AS MATERIALIZED (
    SELECT DISTINCT ON (w.phone) w.phone, w.name, w.user_id, coalesce(r.opted_out, false) AS out,
      coalesce(r.window_until < now(), true) AND coalesce(r.opened_at <= now() - interval '1 day', true) AS opens
    FROM willing w LEFT JOIN whatsapp_recipients r ON r.phone = w.phone
    WHERE w.phone ~ '^\\+[1-9][0-9]{6,14}$' ORDER BY w.phone, w.user_id, w.name
  )`;
const REACH = `SELECT (SELECT count(*)::int FROM willing WHERE coalesce(phone !~ '^\\+[1-9][0-9]{6,14}$', true)) AS invalid,
  count(*) FILTER (WHERE out)::int AS "optedOut", count(*) FILTER (WHERE NOT out)::int AS "willGo",
  count(*) FILTER (WHERE opens AND NOT out)::int AS opens FROM known`;

const valuesOf = (campaignId: string, { minCents = 0, since }: Audience) => [campaignId, minCents, since ?? null];

/** Whom a broadcast is for. */
@Injectable()
export class AudienceStore {
  constructor(private readonly db: DataSource) {}

  async reach(campaignId: string, audience: Audience): Promise<Reach> {
    const [found] = await this.db.query<[Reach]>(`WITH ${KNOWN} ${REACH}`, valuesOf(campaignId, audience));
    return found;
  }

  /** Writes down to whom it goes, so that it is they who get it, whatever is given meanwhile. */
  async write(tx: Tx, broadcastId: string, campaignId: string, audience: Audience): Promise<Reach> {
    const [found] = await tx.query<[Reach]>(
      `WITH ${KNOWN}, written AS (
         INSERT INTO whatsapp_audiences (broadcast_id, place, phone, name, person_id)
         SELECT $4, row_number() OVER (ORDER BY phone), phone, name, user_id FROM known WHERE NOT out
       )
       ${REACH}`,
      [...valuesOf(campaignId, audience), broadcastId],
    );
    return found;
  }
}
