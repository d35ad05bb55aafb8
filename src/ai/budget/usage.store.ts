import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { TODAY } from './statements.js';

const DAYS = 30;

export interface UsedOnDay {
  day: string;
  model: string;
  calls: number;
  tokens: number;
  costNanos: number;
  /** Answers that cost nothing, as they were kept, and what they would have. */
  hits: number;
  savedTokens: number;
}

export interface Spender {
  userId: string;
  name: string;
  used: number;
  reserved: number;
  costNanos: number;
}

/** What was used, for whoever wants to know. */
@Injectable()
export class UsageStore {
  constructor(
    private readonly db: DataSource,
    @Inject(CONFIG) private readonly config: Pick<Config, 'AI_RESET_TIMEZONE'>,
  ) {}

  /** Of the last days, the newest first. */
  byDay(userId: string): Promise<UsedOnDay[]> {
    return this.db.query(
      `SELECT day::text, model, sum(calls)::int AS calls, sum(tokens)::float8 AS tokens, sum(cost_nanos)::float8 AS "costNanos",
              sum(hits)::float8 AS hits, sum(saved)::float8 AS "savedTokens" FROM (
           SELECT day, model, 1 AS calls, spent AS tokens, cost_nanos, 0 AS hits, 0 AS saved FROM ai_calls
            WHERE user_id = $1 AND state <> 'open' AND day > ${TODAY('$2')} - ${DAYS}
           UNION ALL SELECT day, model, 0, 0, 0, hits, tokens FROM ai_savings WHERE user_id = $1 AND day > ${TODAY('$2')} - ${DAYS}) used
        GROUP BY used.day, model ORDER BY used.day DESC, model`,
      [userId, this.config.AI_RESET_TIMEZONE],
    );
  }

  /** Of today, who used most first. */
  spenders(used: string | undefined, after: string | undefined, take: number): Promise<Spender[]> {
    return this.db.query(
      `SELECT d.user_id AS "userId", u.name, d.used::float8, d.reserved::float8, d.cost_nanos::float8 AS "costNanos"
         FROM ai_days d JOIN users u ON u.id = d.user_id
        WHERE d.day = ${TODAY('$1')} AND ($2::bigint IS NULL OR (d.used, d.user_id) < ($2, $3::uuid))
        ORDER BY d.used DESC, d.user_id DESC LIMIT $4`,
      [this.config.AI_RESET_TIMEZONE, used ?? null, after ?? null, take],
    );
  }
}
