import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { OwnConnection } from '../../database/own-connection.js';
import { Questions } from '../../database/questions.js';
import { firstIdAt } from '../../kernel/ids.js';
import { NOTE, OF_TODAY, RESERVE, RESERVE_TOGETHER, SETTLE, TODAY } from './statements.js';
import { Together } from './together.js';

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

interface End {
  id: string;
  state: 'settled' | 'lapsed';
  spent: number | null;
  costNanos: number | null;
}

type Taken = Standing & { granted: number };

const DAY_MS = 86_400_000;
const LEASE_SECONDS = 10;
const OWN_MS = 3_000;

@Injectable()
export class BudgetStore {
  /** For all people alike. */
  readonly rules: Readonly<{ timeZone: string; dailyTokens: number; dailyUsd: number | null; mostStreams: number; leaseSeconds: number }>;
  private readonly own: OwnConnection;
  private readonly reservations = new Together<Wanted, Taken | undefined>((all) => this.reserveAll(all));
  private readonly settlements = new Together<End, Standing | undefined>((all) => this.settleAll(all));

  constructor(
    private readonly db: DataSource,
    private readonly questions: Questions,
    @Inject(CONFIG) config: Config,
  ) {
    const { AI_DAILY_TOKENS, AI_DAILY_USD, AI_RESET_TIMEZONE, AI_STREAMS_PER_USER } = config;
    this.own = new OwnConnection(config, 'ai', OWN_MS);
    this.rules = {
      dailyTokens: AI_DAILY_TOKENS,
      dailyUsd: AI_DAILY_USD === undefined ? null : Number(AI_DAILY_USD),
      timeZone: AI_RESET_TIMEZONE,
      mostStreams: AI_STREAMS_PER_USER,
      leaseSeconds: LEASE_SECONDS,
    };
  }

  close(): Promise<void> {
    return this.own.end();
  }

  /** Nothing where it does not fit, or where this is the first call of the day. */
  async reserve(wanted: Wanted): Promise<Taken | undefined> {
    return wanted.streaming ? this.reserveOne(wanted) : this.reservations.do(wanted);
  }

  /** Whether it was not begun before. */
  async beginDay(userId: string): Promise<boolean> {
    const begun = await this.db.query<object[]>(
      `INSERT INTO ai_days (user_id, day) VALUES ($1, ${TODAY('$2')}) ON CONFLICT DO NOTHING RETURNING 1`,
      [userId, this.rules.timeZone],
    );
    return begun.length > 0;
  }

  /** Nothing where it was settled before. Without figures what was last noted holds. */
  async settle(id: string, state: End['state'], spent: number | null, costNanos: number | null): Promise<Standing | undefined> {
    return this.settlements.do({ id, state, spent, costNanos });
  }

  async standing(userId: string): Promise<Standing> {
    const [found] = await this.questions.ask<Standing>(OF_TODAY, [userId, ...this.everyone]);
    return found!;
  }

  /** How far each of these has come, and that their process lives. Those that are still open, and whether their people may go on. */
  async note(calls: readonly Noted[]): Promise<Map<string, boolean>> {
    const open = await this.own.ask<{ id: string; may: boolean }>(NOTE, [
      calls.map(({ id }) => id),
      calls.map(({ spent }) => spent),
      calls.map(({ costNanos }) => costNanos),
      this.rules.leaseSeconds,
    ]);
    return new Map(open.map(({ id, may }) => [id, may]));
  }

  /** What answers that were kept have saved. */
  async addSavings(savings: readonly Saving[]): Promise<void> {
    await this.own.ask(
      `INSERT INTO ai_savings AS s (user_id, day, model, hits, tokens)
       SELECT n.user_id, ${TODAY('$1')}, n.model, n.hits, n.tokens FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::bigint[]) AS n(user_id, model, hits, tokens)
       ON CONFLICT (user_id, day, model) DO UPDATE SET hits = s.hits + excluded.hits, tokens = s.tokens + excluded.tokens`,
      [
        this.rules.timeZone,
        ...[savings.map(({ userId }) => userId), savings.map(({ model }) => model)],
        ...[savings.map(({ hits }) => hits), savings.map(({ tokens }) => tokens)],
      ],
    );
  }

  /** Those that nobody reads any more, which ended so long ago; whether there may be more. */
  async forget(days: number, most: number): Promise<boolean> {
    const before = firstIdAt(new Date(Date.now() - days * DAY_MS));
    const forgotten = await this.own.ask(
      `DELETE FROM ai_calls WHERE id IN (
         SELECT id FROM ai_calls WHERE id < $1 AND state <> 'open' ORDER BY id LIMIT ${most} FOR UPDATE SKIP LOCKED) RETURNING 1`,
      [before],
    );
    return forgotten.length === most;
  }

  /** Those of processes that are gone. */
  async lapsed(most: number): Promise<{ id: string; spent: number }[]> {
    return this.own.ask(
      `SELECT id, spent::float8 FROM ai_calls WHERE state = 'open' AND lease_until < now() ORDER BY lease_until LIMIT ${most}`,
    );
  }

  private get everyone() {
    return [this.rules.timeZone, this.rules.dailyTokens, this.rules.dailyUsd];
  }

  /** With as much of the answer as still fits. */
  private async reserveOne({
    id,
    userId,
    model,
    streaming,
    prompt,
    completion,
    leastCompletion,
    price,
  }: Wanted): Promise<Taken | undefined> {
    const [taken] = await this.questions.ask<Taken>(RESERVE, [
      ...[userId, ...this.everyone, prompt, completion, leastCompletion, streaming ? 1 : 0],
      ...[this.rules.mostStreams, id, model, this.rules.leaseSeconds, price.input, price.output],
    ]);
    return taken;
  }

  private async reserveAll(all: readonly Wanted[]): Promise<(Taken | Promise<Taken | undefined>)[]> {
    if (all.length === 1) return [this.reserveOne(all[0]!)];
    const taken = await this.questions.ask<Standing & { ids: string[] }>(RESERVE_TOGETHER, [
      ...[all.map(({ userId }) => userId), ...this.everyone],
      ...[all.map(({ id }) => id), all.map(({ model }) => model)],
      ...[all.map(({ prompt }) => prompt), all.map(({ completion }) => completion)],
      ...[all.map(({ price }) => price.input), all.map(({ price }) => price.output), this.rules.leaseSeconds],
    ]);
    const found = byCall(taken);
    return all.map((wanted) => {
      const standing = found.get(wanted.id);
      return standing ? { ...standing, granted: wanted.prompt + wanted.completion } : this.reserveOne(wanted);
    });
  }

  private async settleAll(all: readonly End[]): Promise<(Standing | undefined)[]> {
    // Whoever ends a call that somebody ends at the same moment finds it ended.
    const first = new Map([...all].reverse().map((end) => [end.id, end]));
    const ends = [...first.values()];
    const settled = await this.questions.ask<Standing & { ids: string[] }>(SETTLE, [
      ...[ends.map(({ id }) => id), ...this.everyone, ends.map(({ state }) => state)],
      ...[ends.map(({ spent }) => spent), ends.map(({ costNanos }) => costNanos)],
    ]);
    const found = byCall(settled);
    return all.map((end) => (first.get(end.id) === end ? found.get(end.id) : undefined));
  }
}

const byCall = (standings: readonly (Standing & { ids: string[] })[]): Map<string, Standing> =>
  new Map(standings.flatMap(({ ids, ...standing }) => ids.map((id) => [id, standing] as const)));
