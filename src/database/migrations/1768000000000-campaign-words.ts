import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The words of a campaign are kept with it: to make them anew for each question takes longer than all else in it. */
export class CampaignWords1768000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE campaigns ADD COLUMN words tsvector;
      CREATE FUNCTION keep_campaign_words() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          NEW.words := campaign_words(NEW.title, NEW.summary, NEW.description);
          RETURN NEW;
        END $$;
      CREATE TRIGGER campaigns_words BEFORE INSERT OR UPDATE OF title, summary, description ON campaigns
        FOR EACH ROW EXECUTE FUNCTION keep_campaign_words();`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TRIGGER campaigns_words ON campaigns;
      DROP FUNCTION keep_campaign_words;
      ALTER TABLE campaigns DROP COLUMN words;`);
  }
}
