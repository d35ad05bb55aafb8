import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Donations1763900000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE donations (
        id uuid CONSTRAINT donations_pkey PRIMARY KEY,
        campaign_id uuid NOT NULL CONSTRAINT donations_campaign REFERENCES campaigns,
        user_id uuid CONSTRAINT donations_user REFERENCES users,
        -- Whom donors are counted by: the person, or of a guest a digest of his address.
        donor_key uuid NOT NULL,
        donor_name text,
        donor_email text,
        donor_phone text,
        messaging_consent boolean NOT NULL,
        anonymous boolean NOT NULL,
        message text,
        amount_cents bigint NOT NULL CONSTRAINT donations_amount CHECK (amount_cents > 0),
        currency text NOT NULL CONSTRAINT donations_currency CHECK (currency = 'BRL'),
        provider text NOT NULL,
        method text NOT NULL CONSTRAINT donations_method CHECK (method IN ('pix', 'card')),
        payment text,
        reference text,
        status text NOT NULL CONSTRAINT donations_status CHECK (status IN ('pending', 'confirmed', 'refunded', 'failed', 'expired')),
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        confirmed_at timestamptz CONSTRAINT donations_confirmed CHECK ((confirmed_at IS NOT NULL) = (status IN ('confirmed', 'refunded')))
      );
      CREATE INDEX donations_of_campaign ON donations (campaign_id, id);
      CREATE INDEX donations_of_user ON donations (user_id, id) WHERE user_id IS NOT NULL;
      CREATE INDEX donations_shown ON donations (campaign_id, confirmed_at, id) WHERE status = 'confirmed';
      CREATE INDEX donations_unpaid ON donations (expires_at) WHERE status = 'pending';

      -- Answers that the same question gets again.
      CREATE TABLE stored_answers (
        key bytea CONSTRAINT stored_answers_pkey PRIMARY KEY,
        question bytea NOT NULL,
        donation_id uuid,
        status smallint,
        body text,
        lease_until timestamptz NOT NULL,
        created_at timestamptz NOT NULL
      );
      CREATE INDEX stored_answers_by_age ON stored_answers USING brin (created_at) WITH (pages_per_range = 16);

      -- What providers told, each once.
      CREATE TABLE payment_events (
        provider text,
        event_id text,
        donation_id uuid NOT NULL,
        kind text NOT NULL CONSTRAINT payment_events_kind CHECK (kind IN ('paid', 'failed', 'refunded', 'refund_failed')),
        amount_cents bigint,
        reference text,
        state text NOT NULL CONSTRAINT payment_events_state CHECK (state IN ('applied', 'early', 'ignored', 'held', 'accepted', 'dismissed')),
        received_at timestamptz NOT NULL,
        CONSTRAINT payment_events_pkey PRIMARY KEY (provider, event_id)
      );
      CREATE INDEX payment_events_open ON payment_events (state, received_at) WHERE state IN ('early', 'held');

      -- Each row moves an amount from one account to another, so that no entry is without its other half.
      CREATE TABLE ledger (
        donation_id uuid CONSTRAINT ledger_donation REFERENCES donations,
        kind text CONSTRAINT ledger_kind CHECK (kind IN ('gift', 'refund')),
        campaign_id uuid NOT NULL,
        debit text NOT NULL,
        credit text NOT NULL,
        amount_cents bigint NOT NULL CONSTRAINT ledger_amount CHECK (amount_cents > 0),
        at timestamptz NOT NULL,
        CONSTRAINT ledger_pkey PRIMARY KEY (donation_id, kind),
        CONSTRAINT ledger_accounts CHECK (debit <> credit AND
          CASE kind WHEN 'gift' THEN credit = 'campaign:' || campaign_id ELSE debit = 'campaign:' || campaign_id END)
      );
      CREATE FUNCTION never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '% is only added to', TG_TABLE_NAME; END $$;
      CREATE TRIGGER ledger_never_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger EXECUTE FUNCTION never_changes();

      CREATE TABLE campaign_donors (
        campaign_id uuid,
        donor_key uuid,
        gifts integer NOT NULL CONSTRAINT campaign_donors_gifts CHECK (gifts >= 0),
        CONSTRAINT campaign_donors_pkey PRIMARY KEY (campaign_id, donor_key)
      );
      ALTER TABLE campaign_tail ADD donation_id uuid NOT NULL;

      CREATE TABLE refunds (
        id uuid CONSTRAINT refunds_pkey PRIMARY KEY,
        donation_id uuid NOT NULL CONSTRAINT refunds_donation UNIQUE REFERENCES donations,
        reason text,
        requested_by uuid CONSTRAINT refunds_requester REFERENCES users,
        status text NOT NULL CONSTRAINT refunds_status CHECK (status IN ('pending', 'done', 'failed')),
        requested_at timestamptz NOT NULL,
        done_at timestamptz
      );

      CREATE TABLE receipts (
        number bigint CONSTRAINT receipts_pkey PRIMARY KEY,
        donation_id uuid NOT NULL CONSTRAINT receipts_donation UNIQUE REFERENCES donations,
        amount_cents bigint NOT NULL,
        currency text NOT NULL,
        campaign_title text NOT NULL,
        organizer_name text NOT NULL,
        paid_at timestamptz NOT NULL,
        issued_at timestamptz NOT NULL
      );
      -- When what is done from time to time was done last, by whichever process.
      CREATE TABLE chores (
        name text CONSTRAINT chores_pkey PRIMARY KEY,
        done_at timestamptz NOT NULL,
        finding text
      );
      CREATE TRIGGER receipts_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON receipts EXECUTE FUNCTION never_changes();
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE chores, receipts, refunds, campaign_donors, ledger, payment_events, stored_answers, donations;
      DROP FUNCTION never_changes;
      ALTER TABLE campaign_tail DROP donation_id;
    `);
  }
}
