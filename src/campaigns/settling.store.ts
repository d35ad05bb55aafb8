import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { OwnConnection } from '../database/own-connection.js';
import type { Tx } from '../database/transactions.js';
import { WANTS_MESSAGES } from './donations/donations.store.js';

/** Any number that nothing else locks. */
const LOCK = 7_302_115_405;
const LOOK_MS = 2_000;

/** A gift that has its receipt now. */
interface Issued {
  donationId: string;
  wantsMessages: boolean;
}

@Injectable()
export class SettlingStore {
  private readonly own: OwnConnection;

  constructor(
    private readonly db: DataSource,
    @Inject(CONFIG) config: Config,
  ) {
    this.own = new OwnConnection(config, 'settling', LOOK_MS);
  }

  close(): Promise<void> {
    return this.own.end();
  }

  /** What waits; asked twice a second by every process, so it costs next to nothing where nothing does. */
  async waiting(): Promise<{ tail: boolean; early: boolean; unpaid: boolean }> {
    const [found] = await this.own.ask<{ tail: boolean; early: boolean; unpaid: boolean }>(
      `SELECT EXISTS (SELECT FROM campaign_tail) AS tail, EXISTS (SELECT FROM payment_events WHERE state = 'early') AS early,
         EXISTS (SELECT FROM donations WHERE status = 'pending' AND expires_at <= now()) AS unpaid`,
    );
    return found ?? { tail: false, early: false, unpaid: false };
  }

  /** For the rest of this transaction, only one process settles. */
  async isMine(tx: Tx): Promise<boolean> {
    const [found] = await tx.query<[{ mine: boolean }]>('SELECT pg_try_advisory_xact_lock($1) AS mine', [LOCK]);
    return found.mine;
  }

  /** Campaigns of which the tail holds anything. */
  unsettled(): Promise<{ id: string; slug: string }[]> {
    return this.db.query('SELECT id, slug FROM campaigns WHERE id IN (SELECT campaign_id FROM campaign_tail)');
  }

  /** From the tail into the totals: who reads both in one statement sees the same sum before and after. */
  async rollUp(tx: Tx, most: number): Promise<{ gifts: string[]; rows: number; campaigns: { id: string; slug: string }[] }> {
    const [found] = await tx.query<[{ gifts: string[] | null; rows: number; campaigns: { id: string; slug: string }[] | null }]>(
      `WITH gone AS (
         DELETE FROM campaign_tail WHERE id IN (SELECT id FROM campaign_tail ORDER BY id LIMIT ${most}) RETURNING id, campaign_id, donation_id, cents, donors
       ), sums AS (SELECT campaign_id, sum(cents) AS cents, sum(donors) AS donors FROM gone GROUP BY campaign_id),
       rolled AS (
         INSERT INTO campaign_totals AS known (campaign_id, raised_cents, donor_count) SELECT campaign_id, cents, donors FROM sums
         ON CONFLICT (campaign_id) DO UPDATE SET raised_cents = known.raised_cents + excluded.raised_cents, donor_count = known.donor_count + excluded.donor_count
       )
       SELECT (SELECT array_agg(donation_id ORDER BY id) FROM gone WHERE cents > 0) AS gifts, (SELECT count(*)::int FROM gone) AS rows,
         (SELECT json_agg(json_build_object('id', c.id, 'slug', c.slug)) FROM sums JOIN campaigns c ON c.id = sums.campaign_id) AS campaigns`,
    );
    return { gifts: found.gifts ?? [], rows: found.rows, campaigns: found.campaigns ?? [] };
  }

  /** The next numbers, without a gap, as nobody else issues any at the same time. */
  issue(tx: Tx, gifts: readonly string[]): Promise<Issued[]> {
    return tx.query<Issued[]>(
      `WITH issued AS (INSERT INTO receipts (number, donation_id, amount_cents, currency, campaign_title, organizer_name, paid_at, issued_at)
       SELECT (SELECT coalesce(max(number), 0) FROM receipts) + row_number() OVER (ORDER BY given.place), d.id, d.amount_cents, d.currency, c.title, u.name,
         d.confirmed_at, now()
       FROM unnest($1::uuid[]) WITH ORDINALITY AS given(id, place) JOIN donations d ON d.id = given.id
       JOIN campaigns c ON c.id = d.campaign_id JOIN users u ON u.id = c.owner_id
       WHERE NOT EXISTS (SELECT FROM receipts WHERE donation_id = d.id)
       RETURNING donation_id)
       SELECT d.id AS "donationId", ${WANTS_MESSAGES} AS "wantsMessages"
       FROM issued JOIN donations d ON d.id = issued.donation_id LEFT JOIN users u ON u.id = d.user_id`,
      [gifts],
    );
  }
}
