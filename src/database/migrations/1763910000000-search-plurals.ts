import type { MigrationInterface, QueryRunner } from 'typeorm';

const words = (text: string) => `
  CREATE OR REPLACE FUNCTION campaign_words(title text, summary text, description text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    setweight(to_tsvector('search_portuguese', ${text.replace('*', 'title')}) || to_tsvector('search_english', title), 'A') ||
    setweight(to_tsvector('search_portuguese', ${text.replace('*', 'summary')}) || to_tsvector('search_english', summary), 'B') ||
    setweight(to_tsvector('search_portuguese', ${text.replace('*', 'description')}) || to_tsvector('search_english', description), 'C');
  REINDEX INDEX campaigns_search;`;

/** Plurals that no stemmer of Portuguese knows once accents are gone: doações, animais, jovens. */
export class SearchPlurals1763910000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION portuguese_singular(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT RETURN
        regexp_replace(regexp_replace(regexp_replace(words, '[õoãa]es\\M', 'ao', 'gi'), '([aeouáéóú])is\\M', '\\1l', 'gi'), '([aeiou])ns\\M', '\\1m', 'gi');
      ${words('portuguese_singular(*)')}`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`${words('*')} DROP FUNCTION portuguese_singular;`);
  }
}
