import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How long jobs waited, and ways to find what ended a moment ago without reading all that ever did. */
export class QueuePaces1764010000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE handled_jobs ADD waited_ms integer;
      -- Rows come in the order of their time, so that a summary of each few pages is enough, and next to nothing for each job.
      CREATE INDEX handled_jobs_lately ON handled_jobs USING brin (handled_at) WITH (pages_per_range = 16, autosummarize = on);
      CREATE INDEX whatsapp_messages_sent ON whatsapp_messages (sent_at) WHERE sent_at IS NOT NULL;
      CREATE INDEX whatsapp_messages_oldest ON whatsapp_messages (send_at) WHERE state = 'queued';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX whatsapp_messages_oldest, whatsapp_messages_sent, handled_jobs_lately;
      ALTER TABLE handled_jobs DROP waited_ms;
    `);
  }
}
