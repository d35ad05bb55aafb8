import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { OwnConnection } from '../../database/own-connection.js';
import { Transactions, type Tx } from '../../database/transactions.js';
import type { Outgoing, Template } from './provider/provider.js';
import { quietUntil } from './quiet-hours.js';
import { DAY_MS, gapMs, inOrder, pairMs, turnsOf, type Due, type Turns } from './turns.js';
import { WHATSAPP } from './whatsapp.queue.js';

const LOOK_MS = 3_000;
/** For how long turns are given at once. */
const AHEAD_MS = 600;
/** So many more are looked at than may be taken, as some will have to wait. */
const LOOKED_AT_BESIDE = 200;
const TAKEN_SECONDS = 10;
/** Longer than any call. */
const SENDING_SECONDS = 40;

export interface Taken {
  id: string;
  handovers: number;
  /** Milliseconds to its turn, and to the first turn of somebody else, when this was told. */
  inMs: number;
  untilMs: number;
  message: Outgoing;
}

export type Ticket = Pick<Taken, 'id' | 'handovers'>;

interface TakenRow extends Ticket {
  phone: string;
  text: string | null;
  template: Template | null;
}

interface Clock {
  nowMs: number;
  nextMs: number;
  tier: { used: number; opensAgainMs: number | null };
}

const MS = (moment: string) => `(extract(epoch FROM ${moment}) * 1000)::float8`;
const AT = (ms: string) => `to_timestamp(${ms} / 1000.0)`;
/** Whoever signs in may have taken back what he once agreed to. */
const CONSENTS = (message: string) =>
  `(${message}.person_id IS NULL OR EXISTS (SELECT FROM users u WHERE u.id = ${message}.person_id AND u.messaging_consent))`;
const PAUSED = `EXISTS (SELECT FROM queue_states WHERE queue = '${WHATSAPP}' AND paused)`;

/** The line of what waits to be sent. Whoever takes from it holds the one row of the pace, so that all processes keep one pace. */
@Injectable()
export class LineStore {
  private readonly own: OwnConnection;

  constructor(
    private readonly db: DataSource,
    private readonly transactions: Transactions,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.own = new OwnConnection(config, 'whatsapp', LOOK_MS);
  }

  close(): Promise<void> {
    return this.own.end();
  }

  /** What waits; asked several times a second by every process, so it costs next to nothing where nothing does. */
  async look(): Promise<{ due: boolean; stale: boolean }> {
    const [found] = await this.own.ask<{ due: boolean; stale: boolean }>(
      `SELECT EXISTS (SELECT FROM whatsapp_messages WHERE state = 'queued') AND NOT ${PAUSED} AS due,
         EXISTS (SELECT FROM whatsapp_messages WHERE state = 'later' AND send_at <= clock_timestamp())
           OR EXISTS (SELECT FROM whatsapp_messages WHERE state IN ('taken', 'sending') AND lease_until < clock_timestamp()) AS stale`,
    );
    return found ?? { due: false, stale: false };
  }

  /** What was for later and is due now; what its process took and never sent; what its process began to send, nobody knows with which outcome. */
  async freshen(): Promise<{ unknown: number }> {
    const [found] = await this.db.query<[{ unknown: number }]>(
      `WITH due AS (UPDATE whatsapp_messages SET state = 'queued' WHERE state = 'later' AND send_at <= clock_timestamp()),
       free AS (UPDATE whatsapp_messages SET state = 'queued', lease_until = NULL WHERE state = 'taken' AND lease_until < clock_timestamp()),
       lost AS (
         UPDATE whatsapp_messages SET state = 'unknown', lease_until = NULL, why = 'its process ended while it was being sent', advice = '${SETTLE}'
         WHERE state = 'sending' AND lease_until < clock_timestamp() RETURNING 1
       )
       SELECT count(*)::int AS unknown FROM lost`,
    );
    return found;
  }

  /** Gives turns to at most so many of those that are due, the first of them when `leadMs` have passed. */
  take(room: number, leadMs = 30): Promise<Taken[]> {
    return this.transactions.run(async (tx) => {
      const clock = await this.clock(tx);
      const startMs = Math.max(clock.nextMs, clock.nowMs + leadMs);
      const untilMs = clock.nowMs + leadMs + AHEAD_MS;
      if (startMs > untilMs) return [];
      const due = await this.due(tx, room + LOOKED_AT_BESIDE, [clock.nowMs, untilMs]);
      if (due.length === 0) return [];
      const { WHATSAPP_RATE_PER_SECOND, WHATSAPP_DAILY_RECIPIENTS: tier } = this.config;
      const perSecond = 1_000 / gapMs(WHATSAPP_RATE_PER_SECOND);
      const turns = turnsOf(inOrder(due, Math.floor(startMs / gapMs(WHATSAPP_RATE_PER_SECOND))), startMs, {
        ...{ perSecond, pairMs: pairMs(this.config), untilMs, room, enforcesWindow: this.config.WHATSAPP_ENFORCE_WINDOW },
        openingsLeft: tier === 0 ? Infinity : tier - clock.tier.used,
        opensAgainMs: (clock.tier.opensAgainMs ?? clock.nowMs) + DAY_MS,
      });
      const at = new Map(turns.taken.map(({ id, atMs }) => [id, atMs]));
      const taken = await this.write(tx, turns);
      const { nowMs } = await this.now(tx);
      return taken
        .map(({ phone, text, template, ...ticket }) => ({
          ...ticket,
          inMs: (at.get(ticket.id) ?? nowMs) - nowMs,
          untilMs: turns.nextMs - nowMs,
          message: { id: ticket.id, to: phone, ...(text !== null && { text }), ...(template && { template }) },
        }))
        .sort((a, b) => a.inMs - b.inMs);
    });
  }

  /** Notes that these are being sent from now on, but for those that shall not be any more. */
  async begin(tickets: readonly Ticket[]): Promise<Set<string>> {
    // Whoever is late is so for the next to the same telephone too.
    const begun = await this.db.query<{ id: string }[]>(
      `WITH begun AS (UPDATE whatsapp_messages m SET state = 'sending', tries = tries + 1, lease_until = clock_timestamp() + interval '${SENDING_SECONDS} seconds'
       FROM unnest($1::uuid[], $2::int[]) AS t(id, handovers), whatsapp_recipients r
       WHERE m.id = t.id AND m.handovers = t.handovers AND m.state = 'taken' AND r.phone = m.phone AND NOT r.opted_out AND NOT ${PAUSED} AND ${CONSENTS('m')}
         AND (m.broadcast_id IS NULL OR EXISTS (SELECT FROM whatsapp_broadcasts b WHERE b.id = m.broadcast_id AND b.state NOT IN ('paused', 'cancelled')))
       RETURNING m.id, m.phone
       ), late AS (
         UPDATE whatsapp_recipients r SET next_at = clock_timestamp() + $3 * interval '1 millisecond'
         FROM begun WHERE r.phone = begun.phone AND r.next_at < clock_timestamp() + $3 * interval '1 millisecond'
       )
       SELECT id FROM begun`,
      [...columns(tickets), pairMs(this.config)],
    );
    return new Set(begun.map(({ id }) => id));
  }

  /** Back into the line, by whoever took them and knows that he called nobody: their people need not wait for what they did not get. */
  async giveBack(tickets: readonly Ticket[]): Promise<void> {
    await this.db.query(
      `WITH back AS (
         UPDATE whatsapp_messages m SET lease_until = NULL, tries = m.tries - (m.state = 'sending')::int,
           state = CASE WHEN r.opted_out OR b.state = 'cancelled' OR NOT ${CONSENTS('k')} THEN 'suppressed' WHEN b.state = 'paused' THEN 'held' ELSE 'queued' END,
           why = CASE WHEN r.opted_out THEN 'opted_out' WHEN b.state = 'cancelled' THEN 'cancelled' WHEN NOT ${CONSENTS('k')} THEN 'consent_taken_back' END
         FROM unnest($1::uuid[], $2::int[]) AS t(id, handovers) JOIN whatsapp_messages k ON k.id = t.id JOIN whatsapp_recipients r ON r.phone = k.phone
           LEFT JOIN whatsapp_broadcasts b ON b.id = k.broadcast_id
         WHERE m.id = t.id AND m.handovers = t.handovers AND m.state IN ('taken', 'sending') RETURNING m.phone
       )
       UPDATE whatsapp_recipients r SET next_at = r.next_at - $3 * interval '1 millisecond' FROM back WHERE r.phone = back.phone`,
      [...columns(tickets), pairMs(this.config)],
    );
  }

  private async clock(tx: Tx): Promise<Clock> {
    const [pace] = await tx.query<[{ nowMs: number; nextMs: number }]>(
      `SELECT ${MS('clock_timestamp()')} AS "nowMs", ${MS('next_at')} AS "nextMs" FROM whatsapp_pace FOR UPDATE`,
    );
    const tier = this.config.WHATSAPP_DAILY_RECIPIENTS > 0 ? await this.tier(tx) : { used: 0, opensAgainMs: null };
    return { ...pace, tier, ...(await this.now(tx)) };
  }

  private async now(tx: Tx): Promise<{ nowMs: number }> {
    const [found] = await tx.query<[{ nowMs: number }]>(`SELECT ${MS('clock_timestamp()')} AS "nowMs"`);
    return found;
  }

  private async tier(tx: Tx): Promise<Clock['tier']> {
    const [found] = await tx.query<[Clock['tier']]>(
      `SELECT count(*)::int AS used, ${MS('min(opened_at)')} AS "opensAgainMs"
       FROM (SELECT opened_at FROM whatsapp_recipients WHERE opened_at > clock_timestamp() - interval '1 day' ORDER BY opened_at DESC LIMIT $1) AS opened`,
      [this.config.WHATSAPP_DAILY_RECIPIENTS],
    );
    return found;
  }

  private due(tx: Tx, most: number, moments: readonly number[]): Promise<Due[]> {
    const { WHATSAPP_QUIET_HOURS: hours, WHATSAPP_TIMEZONE: zone } = this.config;
    const quiet = moments.some((ms) => quietUntil(ms, hours, zone) !== undefined);
    const ofLane = (lane: string, limit: string) =>
      `(SELECT id FROM whatsapp_messages WHERE lane = '${lane}' AND state = 'queued' AND NOT ${PAUSED} ORDER BY rank_at, id LIMIT ${limit})`;
    // A person whose choice is being written down right now waits for his next turn: he may be about to opt out.
    return tx.query<Due[]>(
      `SELECT m.id, m.phone, m.text IS NOT NULL AS "isText", m.lane, ${MS('m.rank_at')} AS "rankMs", ${MS('r.next_at')} AS "nextMs", ${MS('r.window_until')} AS "windowMs",
         ${MS('r.opened_at')} AS "openedMs", r.opted_out AS "optedOut"
       FROM (${ofLane('direct', '$1')} UNION ALL ${ofLane('broadcast', '$2')}) AS due
       JOIN whatsapp_messages m ON m.id = due.id JOIN whatsapp_recipients r ON r.phone = m.phone
       WHERE m.state = 'queued' ORDER BY m.rank_at, m.id FOR UPDATE OF m, r SKIP LOCKED`,
      [most, quiet ? 0 : most],
    );
  }

  private write(tx: Tx, { taken, later, suppressed, closed, nextMs }: Turns): Promise<TakenRow[]> {
    return tx.query<TakenRow[]>(
      `WITH taken AS (
         UPDATE whatsapp_messages m SET state = 'taken', handovers = handovers + 1, lease_until = clock_timestamp() + interval '${TAKEN_SECONDS} seconds'
         WHERE id = ANY($1::uuid[]) RETURNING id, handovers, phone, text, template
       ), met AS (
         UPDATE whatsapp_recipients r SET next_at = ${AT('(t.ms + $10)')}, opened_at = CASE WHEN t.opens THEN ${AT('t.ms')} ELSE r.opened_at END
         FROM unnest($2::text[], $3::float8[], $4::bool[]) AS t(phone, ms, opens) WHERE r.phone = t.phone
       ), later AS (
         UPDATE whatsapp_messages m SET state = 'later', send_at = ${AT('t.ms')} FROM unnest($5::uuid[], $6::float8[]) AS t(id, ms) WHERE m.id = t.id
       ), suppressed AS (
         UPDATE whatsapp_messages SET state = 'suppressed', why = 'opted_out' WHERE id = ANY($7::uuid[])
       ), closed AS (
         UPDATE whatsapp_messages SET state = 'failed', why = 'window_closed', advice = 'Send a template: this person has not written for a day.'
         WHERE id = ANY($8::uuid[])
       ), paced AS (
         UPDATE whatsapp_pace SET next_at = ${AT('$9::float8')}
       )
       SELECT * FROM taken`,
      [
        taken.map(({ id }) => id),
        ...[taken.map(({ phone }) => phone), taken.map(({ atMs }) => atMs), taken.map(({ opens }) => opens)],
        ...[later.map(({ id }) => id), later.map(({ atMs }) => atMs), suppressed, closed, nextMs],
        pairMs(this.config),
      ],
    );
  }
}

/** What to do about a message of which nobody knows whether it was sent. */
export const SETTLE = 'Wait for its status to be told, or look at the other end, and settle it: sent, or resend.';

export const columns = (tickets: readonly Ticket[]) => [tickets.map(({ id }) => id), tickets.map(({ handovers }) => handovers)];
