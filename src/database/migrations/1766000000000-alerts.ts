import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What instances saw of themselves in the last minutes, and of what people were told. */
export class Alerts1766000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Of the last minutes only: a crash of the server may take them along.
      CREATE UNLOGGED TABLE instance_samples (
        instance text NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        busy_seconds double precision NOT NULL,
        all_seconds double precision NOT NULL,
        memory double precision NOT NULL,
        requests double precision NOT NULL,
        errors double precision NOT NULL,
        durations double precision[] NOT NULL,
        connections double precision NOT NULL,
        facts jsonb NOT NULL,
        CONSTRAINT instance_samples_pkey PRIMARY KEY (instance, at)
      );
      CREATE TABLE alerts (
        id uuid CONSTRAINT alerts_pkey PRIMARY KEY,
        rule text NOT NULL,
        value double precision NOT NULL,
        threshold double precision NOT NULL,
        instance text,
        fired_at timestamptz NOT NULL DEFAULT now(),
        resolved_at timestamptz
      );
      CREATE UNIQUE INDEX alerts_firing ON alerts (rule) WHERE resolved_at IS NULL;
      CREATE TABLE alert_tellings (
        job_id uuid CONSTRAINT alert_tellings_pkey PRIMARY KEY,
        alert_id uuid NOT NULL CONSTRAINT alert_tellings_alert REFERENCES alerts ON DELETE CASCADE,
        state text NOT NULL CONSTRAINT alert_tellings_state CHECK (state IN ('sending', 'waiting', 'sent', 'unknown', 'refused'))
      );
      CREATE INDEX alert_tellings_of ON alert_tellings (alert_id);
      -- What all budgets of a day come to is asked every few seconds.
      CREATE INDEX ai_days_of_day ON ai_days (day);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX ai_days_of_day; DROP TABLE alert_tellings; DROP TABLE alerts; DROP TABLE instance_samples;');
  }
}
