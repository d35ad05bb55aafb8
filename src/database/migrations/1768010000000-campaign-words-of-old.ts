import type { MigrationInterface, QueryRunner } from 'typeorm';

/** By itself, as to fill a column takes time: whoever adds it keeps everybody away until he commits. The index of the version before stays for that. */
export class CampaignWordsOfOld1768010000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      UPDATE campaigns SET title = title WHERE words IS NULL;
      CREATE INDEX campaigns_words ON campaigns USING gin (words);`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX campaigns_words');
  }
}
