import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { OwnConnection } from '../database/own-connection.js';

/** A campaign of which two books say different things. */
export interface Mismatch {
  campaignId: string;
  giftsCents: number;
  ledgerCents: number;
  shownCents: number;
  givers: number;
  shownDonors: number;
}

interface Chore {
  /** Nothing where it was tried, and failed. */
  doneAt: Date | null;
  finding: string | null;
}

const LOOK_MS = 2_000;

const COMPARE = `WITH gifts AS (
    SELECT campaign_id, sum(amount_cents) AS cents, count(DISTINCT donor_key) AS donors FROM donations WHERE status = 'confirmed' GROUP BY campaign_id
  ), books AS (
    SELECT campaign_id, sum(CASE kind WHEN 'gift' THEN amount_cents ELSE -amount_cents END) AS cents FROM ledger GROUP BY campaign_id
  ), shown AS (
    SELECT campaign_id, sum(cents) AS cents, sum(donors) AS donors FROM (
      SELECT campaign_id, raised_cents AS cents, donor_count AS donors FROM campaign_totals
      UNION ALL SELECT campaign_id, cents, donors FROM campaign_tail
    ) AS parts GROUP BY campaign_id
  ), compared AS (
    SELECT campaign_id, coalesce(gifts.cents, 0) AS gifts, coalesce(books.cents, 0) AS ledger, coalesce(shown.cents, 0) AS shown,
      coalesce(gifts.donors, 0) AS givers, coalesce(shown.donors, 0) AS donors
    FROM gifts FULL JOIN books USING (campaign_id) FULL JOIN shown USING (campaign_id)
  )
  SELECT campaign_id AS "campaignId", gifts::float8 AS "giftsCents", ledger::float8 AS "ledgerCents", shown::float8 AS "shownCents",
    givers::int, donors::int AS "shownDonors"
  FROM compared WHERE gifts <> ledger OR gifts <> shown OR givers <> donors ORDER BY campaign_id LIMIT 100`;

@Injectable()
export class BooksStore {
  private readonly own: OwnConnection;

  constructor(
    private readonly db: DataSource,
    @Inject(CONFIG) config: Config,
  ) {
    this.own = new OwnConnection(config, 'books', LOOK_MS);
  }

  close(): Promise<void> {
    return this.own.end();
  }

  /** All books at one moment, as one statement sees them. */
  compare(): Promise<Mismatch[]> {
    return this.db.query(COMPARE);
  }

  /** `true` for the one process that is to do it now. */
  async claim(name: string, everyMinutes: number): Promise<boolean> {
    const claimed = await this.own.ask(
      `INSERT INTO chores AS known (name, done_at) VALUES ($1, now())
       ON CONFLICT (name) DO UPDATE SET done_at = now() WHERE known.done_at < now() - $2 * interval '1 minute' RETURNING 1`,
      [name, everyMinutes],
    );
    return claimed.length === 1;
  }

  /** It was not done after all: the next look may claim it. */
  async giveBack(name: string): Promise<void> {
    await this.own.ask(`UPDATE chores SET done_at = '-infinity' WHERE name = $1`, [name]);
  }

  async found(name: string, finding: string | null): Promise<void> {
    await this.own.ask('UPDATE chores SET finding = $2 WHERE name = $1', [name, finding]);
  }

  async last(name: string): Promise<Chore | undefined> {
    const [chore] = await this.own.ask<Chore>(`SELECT nullif(done_at, '-infinity') AS "doneAt", finding FROM chores WHERE name = $1`, [
      name,
    ]);
    return chore;
  }
}
