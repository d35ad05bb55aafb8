import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Outbox1763600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE outbox (
        id uuid CONSTRAINT outbox_pkey PRIMARY KEY,
        queue text NOT NULL,
        job text NOT NULL,
        payload jsonb NOT NULL,
        state text NOT NULL DEFAULT 'queued' CONSTRAINT outbox_state CHECK (state IN ('queued', 'handed', 'running', 'dead')),
        run_at timestamptz NOT NULL DEFAULT now(),
        rank_at timestamptz NOT NULL,
        handovers integer NOT NULL DEFAULT 0,
        runs integer NOT NULL DEFAULT 0,
        failures integer NOT NULL DEFAULT 0,
        lease_until timestamptz,
        last_error text,
        created_at timestamptz NOT NULL DEFAULT now()
      ) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
      CREATE INDEX outbox_next ON outbox (queue, rank_at, id) WHERE state = 'queued';
      CREATE INDEX outbox_leases ON outbox (lease_until) WHERE state IN ('handed', 'running');
      CREATE INDEX outbox_dead ON outbox (queue, id) WHERE state = 'dead';
      CREATE TABLE handled_jobs (
        outbox_id uuid CONSTRAINT handled_jobs_pkey PRIMARY KEY,
        job text NOT NULL,
        handled_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE TABLE queue_states (
        queue text CONSTRAINT queue_states_pkey PRIMARY KEY,
        paused boolean NOT NULL DEFAULT false,
        changed_at timestamptz NOT NULL DEFAULT now()
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE queue_states; DROP TABLE handled_jobs; DROP TABLE outbox;');
  }
}
