import { newId } from '../../src/kernel/ids.js';
import type { freshDatabase } from './fresh.js';

interface Message {
  state: string;
  dueSeconds?: number;
  sentSeconds?: number;
  code?: number | null;
  why?: string | null;
  advice?: string | null;
  reference?: string | null;
  optedOut?: boolean;
  broadcast?: string;
}

/** Messages as they may stand in the line, written there directly. */
export function linesOf(rows: Awaited<ReturnType<typeof freshDatabase>>['rows']) {
  let phones = 0;
  const campaign = newId();
  const recipient = async (optedOut = false) => {
    const phone = `+55119${String((phones += 1)).padStart(8, '0')}`;
    await rows('INSERT INTO whatsapp_recipients (phone, next_at, opted_out) VALUES ($1, now(), $2)', [phone, optedOut]);
    return phone;
  };
  return {
    message: async ({ state, dueSeconds = -300, sentSeconds, code, why, advice, reference, optedOut, broadcast }: Message) => {
      const id = newId();
      await rows(
        `INSERT INTO whatsapp_messages (id, broadcast_id, lane, phone, text, state, send_at, rank_at, handovers, tries, created_at, sent_at, code, why, advice, reference)
         VALUES ($1, $2, $3, $4, 'x', $5, now() + $6 * interval '1 second', now() + $6 * interval '1 second', 1, 12, now(), now() + $7 * interval '1 second', $8, $9, $10, $11)`,
        [
          ...[id, broadcast, broadcast ? 'broadcast' : 'direct', await recipient(optedOut), state, dueSeconds],
          ...[sentSeconds, code, why, advice, reference],
        ],
      );
      return id;
    },
    /** Due half an hour ago, each at its turn. */
    many: (count: number) =>
      rows(
        `WITH phone AS (INSERT INTO whatsapp_recipients (phone, next_at, opted_out) VALUES ('+5511900000000', now(), false) RETURNING phone)
         INSERT INTO whatsapp_messages (id, lane, phone, text, state, send_at, rank_at, handovers, tries, created_at)
         SELECT gen_random_uuid(), 'direct', phone, 'x', 'queued', now() - interval '30 minutes', now() - interval '30 minutes' + n * interval '50 milliseconds', 0, 0, now()
         FROM phone, generate_series(1, $1::int) AS n`,
        [count],
      ),
    broadcast: async (state: string) => {
      const id = newId();
      await rows(
        `WITH owner AS (SELECT id FROM users ORDER BY id LIMIT 1), campaign AS (
           INSERT INTO campaigns (id, slug, title, summary, description, goal_cents, currency, owner_id)
           SELECT $3::uuid, $3::text, 'A roof', 'It rains in.', '<p>Help.</p>', 100, 'BRL', id FROM owner ON CONFLICT DO NOTHING
         )
         INSERT INTO whatsapp_broadcasts (id, campaign_id, sender_id, template, audience, state, opted_out, invalid, recipients, prepared, last_rank_at, last_pause,
           created_at, ended_at)
         SELECT $1, $3::uuid, id, '{}', '{}', $2, 0, 0, 0, 0, now(), interval '0', now(), now() FROM owner`,
        [id, state, campaign],
      );
      return id;
    },
    empty: async () => {
      for (const table of ['messages', 'broadcasts', 'recipients']) await rows(`DELETE FROM whatsapp_${table}`);
    },
  };
}
