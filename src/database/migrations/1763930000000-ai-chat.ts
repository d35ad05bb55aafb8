import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What people said to the AI, and what it said. */
export class AiChat1763930000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ai_conversations (
        id uuid CONSTRAINT ai_conversations_pkey PRIMARY KEY,
        user_id uuid NOT NULL CONSTRAINT ai_conversations_of_user REFERENCES users (id),
        title text NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now()
      );
      CREATE INDEX ai_conversations_of_person ON ai_conversations (user_id, updated_at, id);

      CREATE TABLE ai_turns (
        id uuid CONSTRAINT ai_turns_pkey PRIMARY KEY,
        conversation_id uuid NOT NULL CONSTRAINT ai_turns_of_conversation REFERENCES ai_conversations (id) ON DELETE CASCADE,
        asked text NOT NULL,
        reply text NOT NULL,
        model text NOT NULL,
        cached boolean NOT NULL,
        cut boolean NOT NULL,
        prompt_tokens bigint NOT NULL,
        completion_tokens bigint NOT NULL,
        cost_nanos bigint NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now()
      );
      CREATE INDEX ai_turns_in_order ON ai_turns (conversation_id, id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE ai_turns, ai_conversations');
  }
}
