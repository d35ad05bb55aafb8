import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../../database/transactions.js';
import type { From } from '../../../http/lists.js';
import type { Template } from '../provider/provider.js';
import type { Audience, Reach } from './audience.store.js';
import type { Plan } from './forecast.service.js';

export const broadcastStates = ['preparing', 'running', 'paused', 'cancelled', 'done'] as const;
export type BroadcastState = (typeof broadcastStates)[number];

export interface NewBroadcast {
  id: string;
  campaignId: string;
  senderId: string;
  template: Template;
  audience: Audience;
  dedupeKey?: string | undefined;
}

const outcomes = ['sending', 'sent', 'delivered', 'read', 'failed', 'unknown'] as const;

/** Of how many what has become; what has no message yet is `queued`. The total is the sum of the others. */
export type Counts = Record<'total' | 'optedOut' | 'invalid' | 'queued' | 'suppressed' | (typeof outcomes)[number], number>;

export interface BroadcastView extends NewBroadcast {
  status: BroadcastState;
  plan: Plan;
  counts: Counts;
  createdAt: Date;
  startedAt: Date | null;
  pausedAt: Date | null;
  endedAt: Date | null;
}

export type Move = 'pause' | 'resume' | 'cancel';

/** What it was before somebody moved it. */
export interface Was {
  state: BroadcastState;
  isHeld: boolean;
}

export const moves: Record<Move, { from: readonly BroadcastState[]; set: string }> = {
  pause: { from: ['preparing', 'running'], set: `state = 'paused', paused_at = now()` },
  resume: {
    from: ['paused'],
    set: `state = CASE WHEN prepared < recipients THEN 'preparing' ELSE 'running' END, paused_at = NULL,
      last_pause = now() - was.paused_at, last_rank_at = last_rank_at + (now() - was.paused_at)`,
  },
  cancel: { from: ['preparing', 'running', 'paused'], set: `state = 'cancelled', paused_at = NULL, ended_at = now()` },
};

/** Nobody is written to in the name of a campaign that is held, or for who may not sign in any more. */
export const IS_HELD = `(EXISTS (SELECT FROM campaigns c WHERE c.id = b.campaign_id AND c.status = 'held')
  OR EXISTS (SELECT FROM users u WHERE u.id = b.sender_id AND u.disabled_at IS NOT NULL))`;

/** Of one campaign, or of what one person made, or all. */
interface Which {
  campaignId: string | undefined;
  senderId: string | undefined;
}

const WHICH = '($1::uuid IS NULL OR campaign_id = $1) AND ($2::uuid IS NULL OR sender_id = $2)';

/** What stands in the line and is not held elsewhere. */
const WAITING = `'later', 'queued', 'held', 'taken'`;
const RANK_AFTER_SECONDS = 60;

const ofState = (state: string) => `'${state}', count(*) FILTER (WHERE m.state = '${state}')`;

// Of one that was cancelled nothing waits any more, whether that has been written to each message by now or not.
const VIEW = `SELECT b.id, b.campaign_id AS "campaignId", b.sender_id AS "senderId", b.template, b.audience, b.state AS status, b.plan,
    b.created_at AS "createdAt", b.started_at AS "startedAt", b.paused_at AS "pausedAt", b.ended_at AS "endedAt",
    c.counts || jsonb_build_object('optedOut', b.opted_out, 'invalid', b.invalid, 'total', b.opted_out + b.invalid + c.made + b.recipients - b.prepared,
      'queued', CASE WHEN b.state = 'cancelled' THEN 0 ELSE c.waiting + b.recipients - b.prepared END,
      'suppressed', c.suppressed + CASE WHEN b.state = 'cancelled' THEN c.waiting + b.recipients - b.prepared ELSE 0 END) AS counts
  FROM whatsapp_broadcasts b CROSS JOIN LATERAL (
    SELECT count(*) AS made, count(*) FILTER (WHERE m.state IN (${WAITING})) AS waiting, count(*) FILTER (WHERE m.state = 'suppressed') AS suppressed,
      jsonb_build_object(${outcomes.map(ofState).join(', ')}) AS counts
    FROM whatsapp_messages m WHERE m.broadcast_id = b.id
  ) AS c`;

@Injectable()
export class BroadcastsStore {
  constructor(private readonly db: DataSource) {}

  /** `false` where its sender has used the key before. */
  async add(tx: Tx, { id, campaignId, senderId, template, audience, dedupeKey }: NewBroadcast): Promise<boolean> {
    const added = await tx.query<unknown[]>(
      `INSERT INTO whatsapp_broadcasts (id, campaign_id, sender_id, template, audience, state, opted_out, invalid, recipients, prepared, last_rank_at,
         created_at, last_pause, dedupe_key)
       VALUES ($1, $2, $3, $4, $5, 'preparing', 0, 0, 0, 0, now() + interval '${RANK_AFTER_SECONDS} seconds', now(), interval '0', $6)
       ON CONFLICT (sender_id, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING RETURNING id`,
      [id, campaignId, senderId, JSON.stringify(template), JSON.stringify(audience), dedupeKey],
    );
    return added.length === 1;
  }

  async planned(tx: Tx, id: string, { optedOut, invalid, willGo }: Reach, plan: Plan): Promise<void> {
    await tx.query('UPDATE whatsapp_broadcasts SET opted_out = $2, invalid = $3, recipients = $4, plan = $5 WHERE id = $1', [
      ...[id, optedOut, invalid, willGo],
      JSON.stringify(plan),
    ]);
  }

  async idOfKey(senderId: string, dedupeKey: string): Promise<string | undefined> {
    const [found] = await this.db.query<{ id: string }[]>('SELECT id FROM whatsapp_broadcasts WHERE sender_id = $1 AND dedupe_key = $2', [
      senderId,
      dedupeKey,
    ]);
    return found?.id;
  }

  async find(id: string): Promise<BroadcastView | undefined> {
    const [found] = await this.db.query<BroadcastView[]>(`${VIEW} WHERE b.id = $1`, [id]);
    return found;
  }

  /** The newest first. */
  list({ campaignId, senderId }: Which, { after, skip, take }: From): Promise<BroadcastView[]> {
    return this.db.query<BroadcastView[]>(
      `${VIEW} WHERE b.id IN (SELECT id FROM whatsapp_broadcasts WHERE ${WHICH} AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC OFFSET $4 LIMIT $5)
       ORDER BY b.id DESC`,
      [campaignId, senderId, after, skip, take],
    );
  }

  async count({ campaignId, senderId }: Which): Promise<number> {
    const [found] = await this.db.query<[{ many: number }]>(`SELECT count(*)::int AS many FROM whatsapp_broadcasts WHERE ${WHICH}`, [
      campaignId,
      senderId,
    ]);
    return found.many;
  }

  /**
   * Decided by the state that it had in this moment, which is given back: others move it, too. Since when it was paused is read from the
   * row that was locked: one as it was before others moved it would be found to break its bounds before PostgreSQL sees that it is old.
   */
  async move(id: string, move: Move): Promise<Was> {
    const { from, set } = moves[move];
    const [was] = await this.db.query<[Was]>(
      `WITH was AS (SELECT b.id, b.state, b.paused_at, ${IS_HELD} AS held FROM whatsapp_broadcasts b WHERE b.id = $1 FOR UPDATE OF b),
       moved AS (
         UPDATE whatsapp_broadcasts b SET ${set} FROM was WHERE b.id = was.id AND was.state = ANY($2) AND NOT (was.held AND $3)
       ), gone AS (
         DELETE FROM whatsapp_audiences WHERE $4 AND broadcast_id IN (SELECT id FROM was WHERE state = ANY($2))
       )
       SELECT state, held AS "isHeld" FROM was`,
      [id, from, move === 'resume', move === 'cancel'],
    );
    return was;
  }
}
