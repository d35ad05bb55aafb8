import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { State } from '../states.js';
import { IS_HELD, moves, type BroadcastState } from './broadcasts.store.js';

const AT_ONCE = 1_000;

/** What is not where a broadcast in this state wants it. */
const strays: Record<BroadcastState, readonly State[]> = {
  preparing: ['held'],
  running: ['held'],
  paused: ['later', 'queued', 'taken'],
  cancelled: ['later', 'queued', 'taken', 'held'],
  done: [],
};

/** Brings what waits of a broadcast to where its state wants it. What a process holds this moment is passed over: it looks for itself. */
@Injectable()
export class WaitingStore {
  constructor(private readonly db: DataSource) {}

  /** A thousand at once, as nobody shall wait for longer; how many they were. */
  async follow(id: string, state: BroadcastState): Promise<number> {
    const [, count] = await this.db.query<[unknown[], number]>(
      `UPDATE whatsapp_messages m SET lease_until = NULL,
         state = CASE b.state WHEN 'paused' THEN 'held' WHEN 'cancelled' THEN 'suppressed'
           ELSE CASE WHEN m.send_at + b.last_pause > now() THEN 'later' ELSE 'queued' END END,
         why = CASE b.state WHEN 'cancelled' THEN 'cancelled' ELSE m.why END,
         rank_at = m.rank_at + CASE WHEN m.state = 'held' THEN b.last_pause ELSE interval '0' END,
         send_at = m.send_at + CASE WHEN m.state = 'held' THEN b.last_pause ELSE interval '0' END
       FROM whatsapp_broadcasts b, (
         SELECT id FROM whatsapp_messages WHERE broadcast_id = $1 AND state = ANY($3) LIMIT ${AT_ONCE} FOR UPDATE SKIP LOCKED
       ) AS w
       WHERE b.id = $1 AND b.state = $2 AND m.id = w.id`,
      [id, state, strays[state]],
    );
    return count;
  }

  /** Those of which something may be where its state does not want it. */
  astray(): Promise<{ id: string; state: BroadcastState }[]> {
    return this.db.query(
      `SELECT b.id, b.state FROM whatsapp_broadcasts b
       WHERE b.state IN ('preparing', 'running') AND EXISTS (SELECT FROM whatsapp_messages m WHERE m.broadcast_id = b.id AND m.state = 'held')
         OR b.state = 'paused' AND EXISTS (SELECT FROM whatsapp_messages m WHERE m.broadcast_id = b.id AND m.state IN ('later', 'queued'))
         OR b.state = 'cancelled' AND b.ended_at > now() - interval '1 hour'
           AND EXISTS (SELECT FROM whatsapp_messages m WHERE m.broadcast_id = b.id AND m.state IN ('later', 'queued', 'held'))`,
    );
  }

  /** Until somebody lets it go on. */
  async pauseHeld(): Promise<void> {
    await this.db.query(`UPDATE whatsapp_broadcasts b SET ${moves.pause.set} WHERE b.state IN ('preparing', 'running') AND ${IS_HELD}`);
  }

  /** Notes which have begun to be sent, and which have nothing open any more. */
  async note(): Promise<void> {
    const sent = `SELECT min(m.sent_at) FROM whatsapp_messages m WHERE m.broadcast_id = b.id AND m.state IN ('sent', 'delivered', 'read')`;
    await this.db.query(`UPDATE whatsapp_broadcasts b SET started_at = (${sent}) WHERE b.state IN ('preparing', 'running', 'paused')
         AND b.started_at IS NULL AND (${sent}) IS NOT NULL`);
    await this.db.query(
      `UPDATE whatsapp_broadcasts b SET state = 'done', ended_at = coalesce((SELECT max(m.sent_at) FROM whatsapp_messages m WHERE m.broadcast_id = b.id), now())
       WHERE b.state = 'running' AND NOT EXISTS (SELECT FROM whatsapp_messages m WHERE m.broadcast_id = b.id
         AND m.state IN ('later', 'queued', 'held', 'taken', 'sending'))`,
    );
  }
}
