import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Recordings, the work on them, and what is told of it. */
export class Audio1765000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE audio_jobs (
        id uuid CONSTRAINT audio_jobs_pkey PRIMARY KEY,
        owner_id uuid NOT NULL CONSTRAINT audio_jobs_owner REFERENCES users,
        priority text NOT NULL CONSTRAINT audio_jobs_priority CHECK (priority IN ('low', 'normal', 'high')),
        state text NOT NULL CONSTRAINT audio_jobs_state CHECK (state IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
        -- The time at which it came and the handicap of its priority: the order of the line.
        rank_at timestamptz NOT NULL,
        -- Before this it is not tried again.
        not_before timestamptz NOT NULL,
        kind text NOT NULL,
        bytes bigint NOT NULL,
        -- What it says of its own length.
        about_seconds float8 NOT NULL,
        created_at timestamptz NOT NULL,
        started_at timestamptz,
        ended_at timestamptz,
        -- What was foreseen when it came: how long until its end, and until when nine of ten like it have ended.
        expected_ms float8,
        promised_at timestamptz,
        -- How long the engine worked on it.
        worked_ms float8,
        -- Only whoever took it last may end it.
        handovers integer NOT NULL,
        lease_until timestamptz,
        -- How often the engine fell over it; how often the process around the engine did; how often there was no room for its files.
        crashes integer NOT NULL,
        losses integer NOT NULL,
        waits integer NOT NULL,
        progress float8 NOT NULL,
        -- The number of its newest event.
        seq integer NOT NULL,
        why text,
        advice text,
        measures jsonb,
        transcript text,
        transcript_state text
      );
      CREATE INDEX audio_jobs_line ON audio_jobs (rank_at, id) WHERE state = 'queued';
      CREATE INDEX audio_jobs_running ON audio_jobs (lease_until) WHERE state = 'running';
      CREATE INDEX audio_jobs_of_owner ON audio_jobs (owner_id, id);
      CREATE INDEX audio_jobs_ended ON audio_jobs (ended_at) WHERE ended_at IS NOT NULL;

      CREATE TABLE audio_events (
        job_id uuid CONSTRAINT audio_events_job REFERENCES audio_jobs ON DELETE CASCADE,
        seq integer,
        status text NOT NULL,
        progress float8 NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT audio_events_pkey PRIMARY KEY (job_id, seq)
      );

      -- Who works, and on how many at once.
      CREATE TABLE audio_runners (
        id uuid CONSTRAINT audio_runners_pkey PRIMARY KEY,
        at_once integer NOT NULL,
        seen_at timestamptz NOT NULL
      );

      -- One row. Whoever lets somebody in holds it, so that no more wait than may.
      CREATE TABLE audio_line (
        id boolean CONSTRAINT audio_line_pkey PRIMARY KEY CONSTRAINT audio_line_one CHECK (id),
        -- Where an admin said so.
        at_once integer,
        -- Whose files these are: of what another database knows nothing is a stray here.
        installation uuid NOT NULL
      );
      INSERT INTO audio_line (id, installation) VALUES (true, gen_random_uuid());
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE audio_line, audio_runners, audio_events, audio_jobs');
  }
}
