import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Messages, whom they go to, and the one pace of all. */
export class WhatsApp1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE queue_states ADD why text;

      CREATE TABLE whatsapp_recipients (
        phone text CONSTRAINT whatsapp_recipients_pkey PRIMARY KEY,
        -- Before this nothing more goes to this telephone.
        next_at timestamptz NOT NULL,
        -- Until then it may be written to freely, as its owner has written.
        window_until timestamptz,
        -- When it was last written to first.
        opened_at timestamptz,
        opted_out boolean NOT NULL,
        -- When its owner last said whether he wants any.
        choice_at timestamptz
      );
      CREATE INDEX whatsapp_recipients_opened ON whatsapp_recipients (opened_at) WHERE opened_at IS NOT NULL;

      CREATE TABLE whatsapp_broadcasts (
        id uuid CONSTRAINT whatsapp_broadcasts_pkey PRIMARY KEY,
        campaign_id uuid NOT NULL CONSTRAINT whatsapp_broadcasts_campaign REFERENCES campaigns ON DELETE CASCADE,
        sender_id uuid NOT NULL CONSTRAINT whatsapp_broadcasts_sender REFERENCES users,
        template jsonb NOT NULL,
        audience jsonb NOT NULL,
        dedupe_key text,
        state text NOT NULL CONSTRAINT whatsapp_broadcasts_state CHECK (state IN ('preparing', 'running', 'paused', 'cancelled', 'done')),
        -- Who was left out before anything was written to anybody.
        opted_out integer NOT NULL,
        invalid integer NOT NULL,
        -- To how many it goes, and for how many of these there is a message by now.
        recipients integer NOT NULL,
        prepared integer NOT NULL CONSTRAINT whatsapp_broadcasts_prepared CHECK (prepared <= recipients),
        -- What the last of its messages has; the next one comes after it.
        last_rank_at timestamptz NOT NULL,
        -- What was foreseen when it was made.
        plan jsonb,
        created_at timestamptz NOT NULL,
        started_at timestamptz,
        paused_at timestamptz,
        -- How long it stood still the last time: by so much what was held moves back.
        last_pause interval NOT NULL,
        ended_at timestamptz
      );
      CREATE UNIQUE INDEX whatsapp_broadcasts_once ON whatsapp_broadcasts (sender_id, dedupe_key) WHERE dedupe_key IS NOT NULL;
      CREATE INDEX whatsapp_broadcasts_of_campaign ON whatsapp_broadcasts (campaign_id, id);
      CREATE INDEX whatsapp_broadcasts_open ON whatsapp_broadcasts (state, ended_at) WHERE state <> 'done';

      -- Whom a broadcast goes to, until there is a message for him.
      CREATE TABLE whatsapp_audiences (
        broadcast_id uuid CONSTRAINT whatsapp_audiences_broadcast REFERENCES whatsapp_broadcasts ON DELETE CASCADE,
        place integer,
        phone text NOT NULL,
        name text,
        person_id uuid,
        CONSTRAINT whatsapp_audiences_pkey PRIMARY KEY (broadcast_id, place)
      );

      CREATE TABLE whatsapp_messages (
        id uuid CONSTRAINT whatsapp_messages_pkey PRIMARY KEY,
        sender_id uuid CONSTRAINT whatsapp_messages_sender REFERENCES users,
        -- Whom it is for, where that is somebody who signs in.
        person_id uuid CONSTRAINT whatsapp_messages_person REFERENCES users,
        campaign_id uuid,
        broadcast_id uuid CONSTRAINT whatsapp_messages_broadcast REFERENCES whatsapp_broadcasts ON DELETE CASCADE,
        lane text NOT NULL CONSTRAINT whatsapp_messages_lane CHECK (lane IN ('direct', 'broadcast')),
        -- One name for each telephone, however it is written.
        phone text NOT NULL CONSTRAINT whatsapp_messages_recipient REFERENCES whatsapp_recipients,
        text text,
        template jsonb,
        dedupe_key text,
        state text NOT NULL CONSTRAINT whatsapp_messages_state CHECK (state IN
          ('later', 'queued', 'held', 'taken', 'sending', 'sent', 'delivered', 'read', 'failed', 'suppressed', 'unknown')),
        send_at timestamptz NOT NULL,
        rank_at timestamptz NOT NULL,
        -- Counts who took it; only the newest may go on.
        handovers integer NOT NULL,
        tries integer NOT NULL,
        lease_until timestamptz,
        reference text,
        code integer,
        why text,
        advice text,
        created_at timestamptz NOT NULL,
        sent_at timestamptz,
        CONSTRAINT whatsapp_messages_content CHECK (text IS NULL OR template IS NULL)
      );
      CREATE UNIQUE INDEX whatsapp_messages_once ON whatsapp_messages (coalesce(sender_id, '00000000-0000-0000-0000-000000000000'), dedupe_key)
        WHERE dedupe_key IS NOT NULL;
      CREATE UNIQUE INDEX whatsapp_messages_of_broadcast ON whatsapp_messages (broadcast_id, phone) WHERE broadcast_id IS NOT NULL;
      CREATE INDEX whatsapp_messages_progress ON whatsapp_messages (broadcast_id, state) WHERE broadcast_id IS NOT NULL;
      CREATE INDEX whatsapp_messages_reference ON whatsapp_messages (reference) WHERE reference IS NOT NULL;
      CREATE INDEX whatsapp_messages_of_sender ON whatsapp_messages (sender_id, id);
      CREATE INDEX whatsapp_messages_for ON whatsapp_messages (person_id, id) WHERE person_id IS NOT NULL;
      CREATE INDEX whatsapp_messages_to ON whatsapp_messages (phone, id);
      CREATE INDEX whatsapp_messages_due ON whatsapp_messages (lane, rank_at, id) WHERE state = 'queued';
      CREATE INDEX whatsapp_messages_line ON whatsapp_messages (rank_at, id) WHERE state IN ('queued', 'taken', 'sending');
      CREATE INDEX whatsapp_messages_put_off ON whatsapp_messages (rank_at) WHERE state = 'later';
      CREATE INDEX whatsapp_messages_later ON whatsapp_messages (send_at) WHERE state = 'later';
      CREATE INDEX whatsapp_messages_leases ON whatsapp_messages (lease_until) WHERE state IN ('taken', 'sending');
      CREATE INDEX whatsapp_messages_open ON whatsapp_messages (state, id) WHERE state IN ('failed', 'unknown');

      -- Its row is the one pace of all processes.
      CREATE TABLE whatsapp_pace (
        one boolean CONSTRAINT whatsapp_pace_pkey PRIMARY KEY CONSTRAINT whatsapp_pace_one CHECK (one),
        -- The next moment at which anything may be sent.
        next_at timestamptz NOT NULL
      );
      INSERT INTO whatsapp_pace VALUES (true, now());

      -- What the provider told of each message; rows are only added.
      CREATE TABLE whatsapp_statuses (
        message_id uuid CONSTRAINT whatsapp_statuses_message REFERENCES whatsapp_messages ON DELETE CASCADE,
        status text CONSTRAINT whatsapp_statuses_status CHECK (status IN ('sent', 'delivered', 'read', 'failed')),
        at timestamptz NOT NULL,
        code integer,
        why text,
        received_at timestamptz NOT NULL,
        CONSTRAINT whatsapp_statuses_pkey PRIMARY KEY (message_id, status)
      );
      CREATE TRIGGER whatsapp_statuses_never_change BEFORE UPDATE OR TRUNCATE ON whatsapp_statuses EXECUTE FUNCTION never_changes();

      CREATE TABLE whatsapp_inbound (
        id uuid CONSTRAINT whatsapp_inbound_pkey PRIMARY KEY,
        reference text NOT NULL CONSTRAINT whatsapp_inbound_once UNIQUE,
        phone text NOT NULL,
        kind text NOT NULL,
        text text,
        at timestamptz NOT NULL,
        received_at timestamptz NOT NULL
      );
      CREATE INDEX whatsapp_inbound_from ON whatsapp_inbound (phone, id);

      CREATE TABLE whatsapp_templates (
        name text,
        language text,
        status text NOT NULL,
        category text NOT NULL,
        body text NOT NULL,
        parameters integer NOT NULL,
        synced_at timestamptz NOT NULL,
        CONSTRAINT whatsapp_templates_pkey PRIMARY KEY (name, language)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE whatsapp_templates, whatsapp_inbound, whatsapp_statuses, whatsapp_pace, whatsapp_messages, whatsapp_audiences,
        whatsapp_broadcasts, whatsapp_recipients;
      ALTER TABLE queue_states DROP why;
    `);
  }
}
