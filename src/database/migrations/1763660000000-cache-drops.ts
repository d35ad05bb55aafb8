import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CacheDrops1763660000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Rows live for milliseconds and everyone looks at all of them.
    await runner.query(`
      CREATE TABLE cache_drops (
        id uuid CONSTRAINT cache_drops_pkey PRIMARY KEY,
        tags jsonb NOT NULL,
        at timestamptz NOT NULL
      ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE cache_drops');
  }
}
