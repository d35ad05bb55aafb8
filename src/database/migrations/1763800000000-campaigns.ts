import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Campaigns1763800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE EXTENSION IF NOT EXISTS unaccent;
      CREATE TEXT SEARCH CONFIGURATION search_portuguese (COPY = portuguese);
      ALTER TEXT SEARCH CONFIGURATION search_portuguese ALTER MAPPING FOR hword, hword_part, word WITH unaccent, portuguese_stem;
      CREATE TEXT SEARCH CONFIGURATION search_english (COPY = english);
      ALTER TEXT SEARCH CONFIGURATION search_english ALTER MAPPING FOR hword, hword_part, word WITH unaccent, english_stem;

      CREATE TABLE campaigns (
        id uuid CONSTRAINT campaigns_pkey PRIMARY KEY,
        slug text NOT NULL CONSTRAINT campaigns_slug UNIQUE,
        owner_id uuid NOT NULL CONSTRAINT campaigns_owner REFERENCES users,
        title text NOT NULL,
        summary text NOT NULL,
        description text NOT NULL,
        category text,
        cover_url text,
        goal_cents bigint NOT NULL CONSTRAINT campaigns_goal CHECK (goal_cents > 0),
        currency text NOT NULL CONSTRAINT campaigns_currency CHECK (currency = 'BRL'),
        status text NOT NULL DEFAULT 'draft' CONSTRAINT campaigns_status CHECK (status IN ('draft', 'active', 'paused', 'ended', 'held')),
        held_from text CONSTRAINT campaigns_held CHECK ((held_from IS NOT NULL) = (status = 'held')),
        ends_at timestamptz,
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE FUNCTION campaign_words(title text, summary text, description text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
        setweight(to_tsvector('search_portuguese', title) || to_tsvector('search_english', title), 'A') ||
        setweight(to_tsvector('search_portuguese', summary) || to_tsvector('search_english', summary), 'B') ||
        setweight(to_tsvector('search_portuguese', description) || to_tsvector('search_english', description), 'C');
      CREATE INDEX campaigns_search ON campaigns USING gin (campaign_words(title, summary, description));
      CREATE INDEX campaigns_of_owner ON campaigns (owner_id, id);
      CREATE INDEX campaigns_by_end ON campaigns (ends_at, id);
      CREATE INDEX campaigns_by_goal ON campaigns (goal_cents, id);

      -- What was rolled up, and what was added since: a gift never writes the row of its campaign.
      CREATE TABLE campaign_totals (
        campaign_id uuid CONSTRAINT campaign_totals_pkey PRIMARY KEY CONSTRAINT campaign_totals_campaign REFERENCES campaigns ON DELETE CASCADE,
        raised_cents bigint NOT NULL,
        donor_count integer NOT NULL
      );
      CREATE TABLE campaign_tail (
        id uuid CONSTRAINT campaign_tail_pkey PRIMARY KEY,
        campaign_id uuid NOT NULL,
        cents bigint NOT NULL,
        donors smallint NOT NULL
      );
      CREATE INDEX campaign_tail_of_campaign ON campaign_tail (campaign_id) INCLUDE (cents, donors);

      CREATE TABLE campaign_updates (
        id uuid CONSTRAINT campaign_updates_pkey PRIMARY KEY,
        campaign_id uuid NOT NULL CONSTRAINT campaign_updates_campaign REFERENCES campaigns ON DELETE CASCADE,
        title text NOT NULL,
        body text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX campaign_updates_of_campaign ON campaign_updates (campaign_id, id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE campaign_updates, campaign_tail, campaign_totals, campaigns;
      DROP FUNCTION campaign_words;
      DROP TEXT SEARCH CONFIGURATION search_portuguese;
      DROP TEXT SEARCH CONFIGURATION search_english;
      DROP EXTENSION unaccent;
    `);
  }
}
