import type { MigrationInterface, QueryRunner } from 'typeorm';

export class People1763700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE plans (
        id text CONSTRAINT plans_pkey PRIMARY KEY,
        name text NOT NULL,
        daily_tokens integer CONSTRAINT plans_daily_tokens CHECK (daily_tokens >= 0),
        requests_per_minute integer CONSTRAINT plans_requests CHECK (requests_per_minute >= 0),
        costly_per_minute integer CONSTRAINT plans_costly CHECK (costly_per_minute >= 0)
      );
      INSERT INTO plans VALUES
        ('free', 'Free', NULL, NULL, NULL),
        ('pro', 'Pro', 500000, 1200, 120),
        ('enterprise', 'Enterprise', 5000000, 6000, 600);

      CREATE TABLE users (
        id uuid CONSTRAINT users_pkey PRIMARY KEY,
        email text CONSTRAINT users_email UNIQUE,
        name text NOT NULL,
        password_hash text,
        role text NOT NULL DEFAULT 'donor' CONSTRAINT users_role CHECK (role IN ('donor', 'organizer', 'admin')),
        plan_id text NOT NULL DEFAULT 'free' CONSTRAINT users_plan REFERENCES plans,
        phone text,
        messaging_consent boolean NOT NULL DEFAULT false,
        consent_at timestamptz,
        consent_source text,
        email_verified_at timestamptz,
        disabled_at timestamptz,
        deleted_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );

      CREATE TABLE sessions (
        id uuid CONSTRAINT sessions_pkey PRIMARY KEY,
        user_id uuid NOT NULL CONSTRAINT sessions_user REFERENCES users,
        root bytea NOT NULL,
        generation integer NOT NULL DEFAULT 0,
        rotations timestamptz[] NOT NULL DEFAULT '{}',
        address text NOT NULL,
        client text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        last_used_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        ended_at timestamptz,
        end_reason text
      );
      CREATE INDEX sessions_of_user ON sessions (user_id, id);

      CREATE TABLE api_keys (
        id uuid CONSTRAINT api_keys_pkey PRIMARY KEY,
        user_id uuid NOT NULL CONSTRAINT api_keys_user REFERENCES users,
        name text NOT NULL,
        digest bytea NOT NULL,
        scopes text[] NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        last_used_at timestamptz,
        expires_at timestamptz,
        ended_at timestamptz
      );
      CREATE INDEX api_keys_of_user ON api_keys (user_id, id);

      CREATE TABLE second_factors (
        user_id uuid CONSTRAINT second_factors_pkey PRIMARY KEY CONSTRAINT second_factors_user REFERENCES users,
        secret bytea NOT NULL,
        recovery bytea[] NOT NULL,
        last_step integer NOT NULL DEFAULT 0,
        confirmed_at timestamptz
      );

      CREATE TABLE sign_in_failures (
        account bytea CONSTRAINT sign_in_failures_pkey PRIMARY KEY,
        failures integer NOT NULL,
        failed_at timestamptz NOT NULL
      );

      CREATE TABLE audit_log (
        id uuid CONSTRAINT audit_log_pkey PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        actor_id uuid,
        subject_id uuid,
        action text NOT NULL,
        facts jsonb NOT NULL
      );
      CREATE INDEX audit_log_of_subject ON audit_log (subject_id, id);
      CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END $$;
      CREATE TRIGGER audit_log_grows BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_change();
      CREATE TRIGGER audit_log_stays BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'DROP TABLE audit_log, sign_in_failures, second_factors, api_keys, sessions, users, plans; DROP FUNCTION refuse_change',
    );
  }
}
