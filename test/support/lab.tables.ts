/** No keys on purpose: an effect that happened twice must show. */
export const labTables = `
  CREATE TABLE IF NOT EXISTS lab_effects (n integer NOT NULL, job uuid NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
  CREATE TABLE IF NOT EXISTS lab_runs (n integer NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
  CREATE TABLE IF NOT EXISTS lab_notes (id text PRIMARY KEY, version bigint NOT NULL DEFAULT 0, loads integer NOT NULL DEFAULT 0);
  CREATE TABLE IF NOT EXISTS lab_pledges (id uuid PRIMARY KEY, n integer NOT NULL, amount_cents bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
  CREATE TABLE IF NOT EXISTS lab_campaigns (id uuid PRIMARY KEY, ends_at timestamptz NOT NULL);
  CREATE TABLE IF NOT EXISTS lab_requests (key uuid PRIMARY KEY, fingerprint text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
  CREATE TABLE IF NOT EXISTS lab_gifts (
    id uuid PRIMARY KEY, campaign_id uuid NOT NULL REFERENCES lab_campaigns, donor text NOT NULL, amount_cents bigint NOT NULL CHECK (amount_cents > 0),
    message text, created_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE INDEX IF NOT EXISTS lab_gifts_campaign ON lab_gifts (campaign_id, id);
  CREATE INDEX IF NOT EXISTS lab_gifts_donor ON lab_gifts (donor, id)`;
