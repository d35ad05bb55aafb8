import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import type { Tx } from '../../database/transactions.js';
import type { From } from '../../http/lists.js';
import type { Template } from './provider/provider.js';
import { quietUntil } from './quiet-hours.js';
import { gapMs, ONE_OF, pairMs } from './turns.js';
import { statesOf, STUCK, type Sought, type State } from './states.js';
import { WHATSAPP } from './whatsapp.queue.js';

/** How much later each kind may come: what is awaited overtakes what is not, for so long. */
export const handicapSeconds = { receipt: 0, direct: 5 } as const;

export interface NewMessage {
  id: string;
  /** Nobody where the system itself writes. */
  senderId: string | null;
  /** Whom it is for, where he signs in: he can take his consent back until it is sent. */
  personId: string | null;
  campaignId: string | null;
  phone: string;
  text: string | null;
  template: Template | null;
  dedupeKey: string | null;
  sendAt: Date | null;
  kind: keyof typeof handicapSeconds;
}

export interface MessageView {
  id: string;
  senderId: string | null;
  campaignId: string | null;
  broadcastId: string | null;
  phone: string;
  text: string | null;
  template: Template | null;
  dedupeKey: string | null;
  state: State;
  code: number | null;
  why: string | null;
  advice: string | null;
  createdAt: Date;
  sendAt: Date;
  sentAt: Date | null;
}

/** Of one sender, or of all. */
interface Which {
  senderId: string | undefined;
  status: Sought | undefined;
}

const STUCK_AFTER = `interval '1 hour'`;
const whichOf = (status: Sought | undefined) =>
  `($1::uuid IS NULL OR sender_id = $1) AND ($2::text[] IS NULL OR state = ANY($2))${status === STUCK ? ` AND (code IS NOT NULL OR rank_at < now() - ${STUCK_AFTER})` : ''}`;

/** Where it stands in the line. */
export interface Place {
  ahead: number;
  waitSeconds: number;
  isStopped: boolean;
}

const VIEW = `m.id, m.sender_id AS "senderId", m.campaign_id AS "campaignId", m.broadcast_id AS "broadcastId", m.phone, m.text, m.template,
  m.dedupe_key AS "dedupeKey", m.state, m.code, m.why, m.advice, m.created_at AS "createdAt", m.send_at AS "sendAt", m.sent_at AS "sentAt"`;
/** Where nobody more may be written to first today, and he would be: when somebody may be again. */
const OPENS_AGAIN = `CASE WHEN $3::int > 0 AND coalesce(r.window_until < now(), true) AND coalesce(r.opened_at <= now() - interval '1 day', true) THEN (
  SELECT CASE WHEN count(*) >= $3::int THEN min(opened_at) + interval '1 day' END
  FROM (SELECT opened_at FROM whatsapp_recipients WHERE opened_at > now() - interval '1 day' ORDER BY opened_at DESC LIMIT $3::int) AS opened) END`;
const SENDER = `coalesce(sender_id, '00000000-0000-0000-0000-000000000000')`;

@Injectable()
export class MessagesStore {
  constructor(
    private readonly db: DataSource,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Nothing where its sender has used this key before. Who has opted out is not written to. */
  async add(tx: Tx, { kind, ...message }: NewMessage): Promise<State | undefined> {
    const { id, senderId, personId, campaignId, phone, text, template, dedupeKey, sendAt } = message;
    const [added] = await tx.query<{ state: State }[]>(
      `WITH known AS (
         INSERT INTO whatsapp_recipients (phone, next_at, opted_out) VALUES ($4, now(), false) ON CONFLICT DO NOTHING
       )
       INSERT INTO whatsapp_messages (id, sender_id, person_id, campaign_id, lane, phone, text, template, dedupe_key, state, why, send_at, rank_at, handovers, tries, created_at)
       SELECT $1, $2, $10, $3, 'direct', $4, $5, $6::jsonb, $7,
         CASE WHEN out.put THEN 'suppressed' WHEN $8::timestamptz > now() THEN 'later' ELSE 'queued' END, CASE WHEN out.put THEN 'opted_out' END,
         greatest($8, now()), greatest($8, now()) + $9 * interval '1 second', 0, 0, now()
       FROM (SELECT coalesce((SELECT opted_out FROM whatsapp_recipients WHERE phone = $4), false) AS put) AS out
       ON CONFLICT (${SENDER}, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
       RETURNING state`,
      [
        ...[id, senderId, campaignId, phone, text, template && JSON.stringify(template), dedupeKey, sendAt, handicapSeconds[kind]],
        personId,
      ],
    );
    return added?.state;
  }

  async find(id: string): Promise<MessageView | undefined> {
    const [found] = await this.db.query<MessageView[]>(`SELECT ${VIEW} FROM whatsapp_messages m WHERE id = $1`, [id]);
    return found;
  }

  async findByKey(senderId: string, dedupeKey: string): Promise<MessageView | undefined> {
    const [found] = await this.db.query<MessageView[]>(`SELECT ${VIEW} FROM whatsapp_messages m WHERE ${SENDER} = $1 AND dedupe_key = $2`, [
      senderId,
      dedupeKey,
    ]);
    return found;
  }

  /** The newest first. */
  list({ senderId, status }: Which, { after, skip, take }: From): Promise<MessageView[]> {
    return this.db.query<MessageView[]>(
      `SELECT ${VIEW} FROM whatsapp_messages m WHERE ${whichOf(status)} AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC OFFSET $4 LIMIT $5`,
      [senderId, status && statesOf(status), after, skip, take],
    );
  }

  async count({ senderId, status }: Which): Promise<number> {
    const [found] = await this.db.query<[{ many: number }]>(
      `SELECT count(*)::int AS many FROM whatsapp_messages WHERE ${whichOf(status)}`,
      [senderId, status && statesOf(status)],
    );
    return found.many;
  }

  /** Its turn, where it has one; else behind the turns that are given and what stands before it, and never before its own time. */
  async placeOf(id: string): Promise<Place | undefined> {
    const [found] = await this.db.query<Place[]>(
      `SELECT (line.taken + line.before)::int AS ahead,
         greatest(0, CASE WHEN m.state = 'taken' THEN extract(epoch FROM r.next_at - now()) - $2::float8 / 1000 ELSE greatest(
           extract(epoch FROM greatest(m.send_at, r.next_at + $2 * interval '1 millisecond' * (
             SELECT count(*) FROM whatsapp_messages h WHERE h.phone = m.phone AND h.state IN ('later', 'queued', 'taken') AND (h.rank_at, h.id) < (m.rank_at, m.id)
           ), ${OPENS_AGAIN}) - now()),
           greatest(0, extract(epoch FROM p.next_at - now())) + line.before * $5::float8,
           CASE WHEN m.lane = 'broadcast' THEN $4::float8 + line.many * $5::float8 END) END)::float8 AS "waitSeconds",
         EXISTS (SELECT FROM queue_states WHERE queue = '${WHATSAPP}' AND paused) OR m.state = 'held' AS "isStopped"
       FROM whatsapp_messages m JOIN whatsapp_recipients r ON r.phone = m.phone CROSS JOIN whatsapp_pace p CROSS JOIN LATERAL (
         SELECT taken, many, CASE WHEN m.state = 'taken' THEN 0
           WHEN m.lane = 'direct' THEN persons + least(many, persons / ${ONE_OF - 1}) * ($4::float8 IS NULL)::int
           ELSE many + persons + least("personsBehind", ${ONE_OF - 1} * (many + 1)) END AS before
         FROM (
           SELECT count(*) FILTER (WHERE o.state <> 'queued' AND NOT behind) AS taken,
             count(*) FILTER (WHERE o.state = 'queued' AND o.lane = 'direct' AND NOT behind) AS persons,
             count(*) FILTER (WHERE o.state = 'queued' AND o.lane = 'direct' AND behind) AS "personsBehind",
             count(*) FILTER (WHERE o.state = 'queued' AND o.lane = 'broadcast' AND NOT behind) AS many
           FROM (SELECT b.state, b.lane, (b.rank_at, b.id) > (m.rank_at, m.id) AS behind FROM whatsapp_messages b
                 WHERE b.state IN ('queued', 'taken', 'sending') AND b.id <> m.id) AS o
         ) AS others
       ) AS line
       WHERE m.id = $1 AND m.state IN ('later', 'queued', 'held', 'taken')`,
      [
        ...[id, pairMs(this.config), this.config.WHATSAPP_DAILY_RECIPIENTS, this.quietSeconds()],
        gapMs(this.config.WHATSAPP_RATE_PER_SECOND) / 1_000,
      ],
    );
    return found;
  }

  /** How long broadcasts still keep the quiet hours; nothing where there are none now. */
  private quietSeconds(): number | null {
    const until = quietUntil(Date.now(), this.config.WHATSAPP_QUIET_HOURS, this.config.WHATSAPP_TIMEZONE);
    return until === undefined ? null : (until - Date.now()) / 1_000;
  }

  /** What the provider told of it, in the order of its happening. */
  told(id: string): Promise<{ status: string; at: Date }[]> {
    return this.db.query('SELECT status, at FROM whatsapp_statuses WHERE message_id = $1 ORDER BY at, received_at', [id]);
  }

  /** An admin's word on what nobody knew; `false` where it is known by now. */
  async resolve(tx: Tx, id: string, outcome: 'sent' | 'resend'): Promise<boolean> {
    const [, count] = await tx.query<[unknown[], number]>(
      `UPDATE whatsapp_messages SET state = CASE WHEN $2 THEN 'sent' ELSE 'queued' END, why = NULL, advice = NULL, code = NULL,
         sent_at = CASE WHEN $2 THEN now() END, send_at = CASE WHEN $2 THEN send_at ELSE now() END, rank_at = CASE WHEN $2 THEN rank_at ELSE now() END
       WHERE id = $1 AND state = 'unknown'`,
      [id, outcome === 'sent'],
    );
    return count === 1;
  }
}
