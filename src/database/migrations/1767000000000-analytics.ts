import type { MigrationInterface, QueryRunner } from 'typeorm';

const DAY = (at: string) => `(${at} AT TIME ZONE 'America/Sao_Paulo')::date`;
// As a date: it is made for each row, and texts take ten times as long.
const MONTH = (at: string) => `date_trunc('month', ${at} AT TIME ZONE 'America/Sao_Paulo')::date`;

/** What business questions may see: no person, and nothing that is made from one. */
export class Analytics1767000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Gifts of one giver are told together by a number that is made from nothing about him.
      CREATE TABLE analytics_donors (
        donor_key uuid CONSTRAINT analytics_donors_pkey PRIMARY KEY,
        number bigint GENERATED ALWAYS AS IDENTITY
      );

      CREATE VIEW published_campaigns AS
        SELECT DATE '1970-01-01' AS part, id, owner_id, title, slug, category, goal_cents, status, ${DAY('created_at')} AS created_day, ${DAY('ends_at')} AS ends_day
        FROM campaigns;
      CREATE VIEW published_donations AS
        SELECT ${MONTH('d.created_at')} AS part, d.campaign_id, n.number AS donor, d.amount_cents, d.method, d.status, d.anonymous,
          ${DAY('d.created_at')} AS created_day, ${DAY('d.confirmed_at')} AS confirmed_day
        FROM donations d LEFT JOIN analytics_donors n USING (donor_key);
      CREATE VIEW published_messages AS
        SELECT ${MONTH('created_at')} AS part, campaign_id, lane, template ->> 'name' AS template,
          CASE WHEN state IN ('later', 'held', 'taken') THEN 'queued' ELSE state END AS status, code AS error_code,
          ${DAY('created_at')} AS created_day, ${DAY('sent_at')} AS sent_day
        FROM whatsapp_messages;
      CREATE VIEW published_ai_usage AS
        SELECT date_trunc('month', day)::date AS part, day, model, streaming, state, spent AS tokens, cost_nanos FROM ai_calls WHERE state <> 'open';

      CREATE TABLE analytics_refreshes (
        id uuid CONSTRAINT analytics_refreshes_pkey PRIMARY KEY,
        state text NOT NULL CONSTRAINT analytics_refreshes_state CHECK (state IN ('queued', 'running', 'done', 'failed')),
        requested_at timestamptz NOT NULL,
        began_at timestamptz,
        ended_at timestamptz,
        -- What came of it, or why nothing did.
        finding jsonb
      );
      -- Whoever asks for one that waits is told of that one.
      CREATE UNIQUE INDEX analytics_refreshes_waiting ON analytics_refreshes (state) WHERE state = 'queued';

      CREATE TABLE analytics_sessions (
        id uuid CONSTRAINT analytics_sessions_pkey PRIMARY KEY,
        user_id uuid NOT NULL CONSTRAINT analytics_sessions_of_user REFERENCES users,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now()
      );
      CREATE INDEX analytics_sessions_of_person ON analytics_sessions (user_id, updated_at, id);
      CREATE TABLE analytics_questions (
        id uuid CONSTRAINT analytics_questions_pkey PRIMARY KEY,
        session_id uuid NOT NULL CONSTRAINT analytics_questions_session REFERENCES analytics_sessions ON DELETE CASCADE,
        asked text NOT NULL,
        sql text NOT NULL,
        -- What the rules understood; nothing where a model wrote the statement.
        meaning jsonb,
        -- By these a question that means the same is found again; nothing where it leaned on the one before.
        cache_key bytea,
        concepts text,
        created_at timestamptz(3) NOT NULL DEFAULT now()
      );
      CREATE INDEX analytics_questions_in_order ON analytics_questions (session_id, id);
      CREATE INDEX analytics_questions_alike ON analytics_questions (cache_key, id) WHERE cache_key IS NOT NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE analytics_questions, analytics_sessions, analytics_refreshes;
      DROP VIEW published_ai_usage, published_messages, published_donations, published_campaigns;
      DROP TABLE analytics_donors;
    `);
  }
}
