import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { OwnConnection } from '../../database/own-connection.js';
import { Questions } from '../../database/questions.js';

/** How somebody stands on a day. */
export interface Standing {
  day: string;
  limit: number;
  used: number;
  reserved: number;
  streams: number;
  /** Nothing where money has no ceiling. */
  limitNanos: number | null;
  costNanos: number;
  reservedNanos: number;
  /** Whether he was told that little is left. */
  warned: boolean;
  resetsAt: Date;
}

/** What a call may cost at most. */
export interface Wanted {
  id: string;
  userId: string;
  model: string;
  streaming: boolean;
  /** Of what is sent, counted so that it is never more. */
  prompt: number;
  /** Of the answer: as many as are wished, and the fewest with which it is of any use. */
  completion: number;
  leastCompletion: number;
  /** What a token costs. */
  price: Price;
}

/** In nanodollars. */
export interface Price {
  input: number;
  output: number;
}

/** What a call has come to. */
export interface Noted {
  id: string;
  spent: number;
  costNanos: number;
}

/** Answers that cost nothing, as they were kept. */
export interface Saving {
  userId: string;
  model: string;
  hits: number;
  tokens: number;
}

/** For all people alike. */
export interface Rules {
  dailyTokens: number;
  dailyUsd: number | null;
  timeZone: string;
  mostStreams: number;
  leaseSeconds: number;
}

const TODAY = (zone: string) => `(now() AT TIME ZONE ${zone})::date`;

/**
 * The first instant of the next day. Where its midnight is passed twice, the first of them; where there is none,
 * PostgreSQL takes the instant at which it was skipped.
 */
export const endOf = (day: string, zone: string) => {
  const midnight = `((${day} + 1)::timestamp AT TIME ZONE ${zone})`;
  const back = `greatest(((${midnight} - interval '1 day') AT TIME ZONE ${zone}) - (${day})::timestamp, interval '0')`;
  return `CASE WHEN ((${midnight} - ${back}) AT TIME ZONE ${zone})::date > ${day} THEN ${midnight} - ${back} ELSE ${midnight} END`;
};

/** Of the person, his plan, or all; and what was granted him. */
const allowedTo = (user: string, everyone: string, everyonesUsd: string) => `(
    SELECT (coalesce(b.daily_tokens, p.daily_tokens, ${everyone}::bigint)
        + coalesce((SELECT sum(g.tokens) FROM ai_grants g WHERE g.user_id = u.id AND g.expires_at > now()), 0))::bigint AS tokens,
        (coalesce(b.daily_usd, p.daily_usd, ${everyonesUsd}::float8) * 1e9)::bigint AS nanos
      FROM users u LEFT JOIN ai_budgets b ON b.user_id = u.id LEFT JOIN plans p ON p.id = u.plan_id WHERE u.id = ${user})`;

const STANDING = `d.day::text, allowed.tokens::float8 AS "limit", d.used::float8, d.reserved::float8, d.streams,
  allowed.nanos::float8 AS "limitNanos", d.cost_nanos::float8 AS "costNanos", d.reserved_nanos::float8 AS "reservedNanos", d.warned,
  ${endOf('d.day', '$2')} AS "resetsAt"`;

const PROMPT = '$5::bigint';
const WISH = '$6::bigint';
/** As much of the wish as tokens and money allow. */
const GRANTED = `least(${PROMPT} + ${WISH}, allowed.tokens - d.used - d.reserved, CASE WHEN allowed.nanos IS NULL THEN ${PROMPT} + ${WISH}
    WHEN allowed.nanos - d.cost_nanos - d.reserved_nanos < ${PROMPT} * $13::bigint THEN 0
    WHEN $14::bigint = 0 THEN ${PROMPT} + ${WISH}
    ELSE ${PROMPT} + (allowed.nanos - d.cost_nanos - d.reserved_nanos - ${PROMPT} * $13::bigint) / greatest($14::bigint, 1) END)`;
const NANOS = `${PROMPT} * $13::bigint + (${GRANTED} - ${PROMPT}) * $14::bigint`;

/** What is left is looked at where it is taken, in the row as it is once nobody else holds it. */
const RESERVE = {
  name: 'ai-reserve',
  text: `WITH allowed AS MATERIALIZED ${allowedTo('$1', '$3', '$4')},
    taken AS (
      UPDATE ai_days d SET granted = ${GRANTED}, reserved = d.reserved + ${GRANTED}, reserved_nanos = d.reserved_nanos + ${NANOS},
          streams = d.streams + $8::int
        FROM allowed WHERE d.user_id = $1 AND d.day = ${TODAY('$2')} AND ${GRANTED} >= ${PROMPT} + $7::bigint
          AND ($8::int = 0 OR d.streams + coalesce((SELECT y.streams FROM ai_days y WHERE y.user_id = $1 AND y.day = d.day - 1), 0) < $9)
      RETURNING d.*
    ), call AS (
      INSERT INTO ai_calls (id, user_id, day, model, state, streaming, reserved, reserved_nanos, spent, cost_nanos, lease_until, began_at)
      SELECT $10, user_id, day, $11, 'open', $8::int = 1, granted, ${PROMPT} * $13::bigint + (granted - ${PROMPT}) * $14::bigint,
          ${PROMPT}, ${PROMPT} * $13::bigint, now() + $12 * interval '1 second', now() FROM taken
    )
    SELECT ${STANDING}, d.granted::float8 FROM taken d, allowed`,
};

const SETTLE = {
  name: 'ai-settle',
  text: `WITH call AS (
      UPDATE ai_calls SET state = $5, spent = least(coalesce($6::bigint, spent), reserved),
          cost_nanos = least(coalesce($7::bigint, cost_nanos), reserved_nanos), ended_at = now()
        WHERE id = $1 AND state = 'open' RETURNING *
    ), settled AS (
      UPDATE ai_days d SET reserved = d.reserved - call.reserved, used = d.used + call.spent, streams = d.streams - call.streaming::int,
          reserved_nanos = d.reserved_nanos - call.reserved_nanos, cost_nanos = d.cost_nanos + call.cost_nanos
        FROM call WHERE d.user_id = call.user_id AND d.day = call.day RETURNING d.*
    )
    SELECT ${STANDING} FROM settled d, LATERAL ${allowedTo('d.user_id', '$3', '$4')} allowed`,
};

const OF_TODAY = {
  name: 'ai-standing',
  text: `SELECT ${STANDING} FROM ${allowedTo('$1', '$3', '$4')} allowed, LATERAL (
      SELECT t.day, coalesce(a.used, 0) AS used, coalesce(a.reserved, 0) AS reserved, coalesce(a.streams, 0) AS streams,
          coalesce(a.cost_nanos, 0) AS cost_nanos, coalesce(a.reserved_nanos, 0) AS reserved_nanos, coalesce(a.warned, false) AS warned
        FROM (SELECT ${TODAY('$2')} AS day) t LEFT JOIN ai_days a ON a.user_id = $1 AND a.day = t.day) d`,
};

const OWN_MS = 3_000;

@Injectable()
export class BudgetStore {
  private readonly own: OwnConnection;

  constructor(
    private readonly db: DataSource,
    private readonly questions: Questions,
    @Inject(CONFIG) config: Config,
  ) {
    this.own = new OwnConnection(config, 'ai', OWN_MS);
  }

  close(): Promise<void> {
    return this.own.end();
  }

  /** Nothing where it does not fit, or where this is the first call of the day. */
  async reserve(rules: Rules, wanted: Wanted): Promise<(Standing & { granted: number }) | undefined> {
    const { id, userId, model, streaming, prompt, completion, leastCompletion, price } = wanted;
    const { timeZone, dailyTokens, dailyUsd, mostStreams, leaseSeconds } = rules;
    const [taken] = await this.questions.ask<Standing & { granted: number }>(RESERVE, [
      ...[userId, timeZone, dailyTokens, dailyUsd, prompt, completion, leastCompletion],
      ...[streaming ? 1 : 0, mostStreams, id, model, leaseSeconds, price.input, price.output],
    ]);
    return taken;
  }

  /** Whether it was not begun before. */
  async beginDay(userId: string, timeZone: string): Promise<boolean> {
    const begun = await this.db.query<object[]>(
      `INSERT INTO ai_days (user_id, day) VALUES ($1, ${TODAY('$2')}) ON CONFLICT DO NOTHING RETURNING 1`,
      [userId, timeZone],
    );
    return begun.length > 0;
  }

  /** Nothing where it was settled before. Without figures what was last noted holds. */
  async settle(
    { timeZone, dailyTokens, dailyUsd }: Rules,
    id: string,
    state: 'settled' | 'lapsed',
    tokens: number | null,
    costNanos: number | null,
  ): Promise<Standing | undefined> {
    const [settled] = await this.questions.ask<Standing>(SETTLE, [id, timeZone, dailyTokens, dailyUsd, state, tokens, costNanos]);
    return settled;
  }

  async standing({ timeZone, dailyTokens, dailyUsd }: Rules, userId: string): Promise<Standing> {
    const [found] = await this.questions.ask<Standing>(OF_TODAY, [userId, timeZone, dailyTokens, dailyUsd]);
    return found!;
  }

  /** How far each of these has come, and that their process lives. Those that are still open, and whether their people may go on. */
  async note(calls: readonly Noted[], leaseSeconds: number): Promise<Map<string, boolean>> {
    const open = await this.own.ask<{ id: string; may: boolean }>(
      `WITH noted AS (UPDATE ai_calls c SET spent = least(n.spent, c.reserved), cost_nanos = least(n.cost, c.reserved_nanos), lease_until = now() + $4 * interval '1 second'
         FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS n(id, spent, cost) WHERE c.id = n.id AND c.state = 'open' RETURNING c.id, c.user_id)
       SELECT noted.id, u.disabled_at IS NULL AND u.deleted_at IS NULL AS may FROM noted JOIN users u ON u.id = noted.user_id`,
      [calls.map(({ id }) => id), calls.map(({ spent }) => spent), calls.map(({ costNanos }) => costNanos), leaseSeconds],
    );
    return new Map(open.map(({ id, may }) => [id, may]));
  }

  /** What answers that were kept have saved. */
  async addSavings(timeZone: string, savings: readonly Saving[]): Promise<void> {
    await this.own.ask(
      `INSERT INTO ai_savings AS s (user_id, day, model, hits, tokens)
       SELECT n.user_id, ${TODAY('$1')}, n.model, n.hits, n.tokens FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::bigint[]) AS n(user_id, model, hits, tokens)
       ON CONFLICT (user_id, day, model) DO UPDATE SET hits = s.hits + excluded.hits, tokens = s.tokens + excluded.tokens`,
      [
        timeZone,
        ...[savings.map(({ userId }) => userId), savings.map(({ model }) => model)],
        ...[savings.map(({ hits }) => hits), savings.map(({ tokens }) => tokens)],
      ],
    );
  }

  /** Those of processes that are gone. */
  async lapsed(most: number): Promise<{ id: string; spent: number }[]> {
    return this.own.ask(
      `SELECT id, spent::float8 FROM ai_calls WHERE state = 'open' AND lease_until < now() ORDER BY lease_until LIMIT ${most}`,
    );
  }
}
