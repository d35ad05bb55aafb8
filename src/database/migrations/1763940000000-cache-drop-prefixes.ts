import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CacheDropPrefixes1763940000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE cache_drops ADD COLUMN prefixes jsonb NOT NULL DEFAULT '[]'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE cache_drops DROP COLUMN prefixes');
  }
}
