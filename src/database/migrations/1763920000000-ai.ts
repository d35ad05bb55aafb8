import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What people may ask of the AI in a day, and what they did. */
export class Ai1763920000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE plans ADD COLUMN daily_usd double precision CONSTRAINT plans_daily_usd CHECK (daily_usd >= 0);

      CREATE TABLE ai_budgets (
        user_id uuid CONSTRAINT ai_budgets_pkey PRIMARY KEY CONSTRAINT ai_budgets_of_user REFERENCES users (id),
        daily_tokens bigint CONSTRAINT ai_budgets_tokens CHECK (daily_tokens >= 0),
        daily_usd double precision CONSTRAINT ai_budgets_usd CHECK (daily_usd >= 0)
      );
      CREATE TABLE ai_grants (
        id uuid CONSTRAINT ai_grants_pkey PRIMARY KEY,
        user_id uuid NOT NULL CONSTRAINT ai_grants_of_user REFERENCES users (id),
        tokens bigint NOT NULL CONSTRAINT ai_grants_tokens CHECK (tokens > 0),
        reason text NOT NULL,
        granted_by uuid NOT NULL,
        granted_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL
      );
      CREATE INDEX ai_grants_by_user ON ai_grants (user_id, expires_at);

      CREATE TABLE ai_days (
        user_id uuid NOT NULL CONSTRAINT ai_days_of_user REFERENCES users (id),
        day date NOT NULL,
        used bigint NOT NULL DEFAULT 0 CONSTRAINT ai_days_used CHECK (used >= 0),
        reserved bigint NOT NULL DEFAULT 0 CONSTRAINT ai_days_reserved CHECK (reserved >= 0),
        granted bigint NOT NULL DEFAULT 0,
        streams integer NOT NULL DEFAULT 0 CONSTRAINT ai_days_streams CHECK (streams >= 0),
        cost_nanos bigint NOT NULL DEFAULT 0,
        reserved_nanos bigint NOT NULL DEFAULT 0 CONSTRAINT ai_days_reserved_nanos CHECK (reserved_nanos >= 0),
        warned boolean NOT NULL DEFAULT false,
        CONSTRAINT ai_days_pkey PRIMARY KEY (user_id, day)
      ) WITH (fillfactor = 70);

      CREATE TABLE ai_calls (
        id uuid CONSTRAINT ai_calls_pkey PRIMARY KEY,
        user_id uuid NOT NULL,
        day date NOT NULL,
        model text NOT NULL,
        state text NOT NULL CONSTRAINT ai_calls_state CHECK (state IN ('open', 'settled', 'lapsed')),
        streaming boolean NOT NULL,
        reserved bigint NOT NULL,
        spent bigint NOT NULL,
        reserved_nanos bigint NOT NULL DEFAULT 0,
        cost_nanos bigint NOT NULL DEFAULT 0,
        lease_until timestamptz NOT NULL,
        began_at timestamptz NOT NULL,
        ended_at timestamptz,
        CONSTRAINT ai_calls_spent CHECK (spent BETWEEN 0 AND reserved),
        CONSTRAINT ai_calls_cost CHECK (cost_nanos BETWEEN 0 AND reserved_nanos)
      ) WITH (fillfactor = 80);
      CREATE INDEX ai_calls_open ON ai_calls (lease_until) WHERE state = 'open';
      CREATE INDEX ai_calls_of_person ON ai_calls (user_id, day);

      CREATE TABLE ai_savings (
        user_id uuid NOT NULL,
        day date NOT NULL,
        model text NOT NULL,
        hits bigint NOT NULL,
        tokens bigint NOT NULL,
        CONSTRAINT ai_savings_pkey PRIMARY KEY (user_id, day, model)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE plans DROP COLUMN daily_usd');
    await runner.query('DROP TABLE ai_savings, ai_calls, ai_days, ai_grants, ai_budgets');
  }
}
