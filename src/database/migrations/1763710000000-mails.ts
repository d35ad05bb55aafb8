import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Mails1763710000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE mails (
        id uuid CONSTRAINT mails_pkey PRIMARY KEY,
        status text NOT NULL CONSTRAINT mails_status CHECK (status IN ('sending', 'waiting', 'sent', 'refused', 'unknown', 'kept')),
        at timestamptz NOT NULL DEFAULT now(),
        recipient text,
        subject text,
        body text
      )
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE mails');
  }
}
