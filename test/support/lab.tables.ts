/** No keys on purpose: an effect that happened twice must show. */
export const labTables = `
  CREATE TABLE IF NOT EXISTS lab_effects (n integer NOT NULL, job uuid NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
  CREATE TABLE IF NOT EXISTS lab_runs (n integer NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
  CREATE TABLE IF NOT EXISTS lab_pledges (id uuid PRIMARY KEY, n integer NOT NULL, amount_cents bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now())`;
