import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { type Family, gauge } from '../../observability/figures.js';
import { type Measure, Measures } from '../../observability/measures.js';
import { TODAY } from './statements.js';

/** However often it is asked, the database is asked every ten seconds. */
const FRESH_MS = 10_000;
const NANOS = 1e9;

interface Day {
  used: number;
  reserved: number;
  costNanos: number;
  people: number;
  warned: number;
}

/** What everybody's budgets of the day come to. */
@Injectable()
@Measures('system')
export class BudgetMeasures implements Measure {
  private askedAt = -Infinity;
  private day: Promise<Day[]> = Promise.resolve([]);

  constructor(
    private readonly db: DataSource,
    @Inject(CONFIG) private readonly config: Pick<Config, 'AI_RESET_TIMEZONE'>,
  ) {}

  async measure(): Promise<Family[]> {
    if (performance.now() > this.askedAt + FRESH_MS) {
      this.askedAt = performance.now();
      this.day = this.db.query<Day[]>(
        `SELECT coalesce(sum(used), 0)::float8 AS used, coalesce(sum(reserved), 0)::float8 AS reserved,
          coalesce(sum(cost_nanos), 0)::float8 AS "costNanos", count(*)::int AS people, count(*) FILTER (WHERE warned)::int AS warned
        FROM ai_days WHERE day = ${TODAY('$1')}`,
        [this.config.AI_RESET_TIMEZONE],
      );
    }
    return (await this.day).flatMap(({ used, reserved, costNanos, people, warned }) => [
      gauge(
        'mutirao_ai_tokens_today',
        'Tokens of the budgets of the day',
        [
          [{ state: 'used' }, used],
          [{ state: 'reserved' }, reserved],
        ],
        'most',
      ),
      gauge('mutirao_ai_dollars_today', 'What they cost', costNanos / NANOS, 'most'),
      gauge(
        'mutirao_ai_people_today',
        'People who asked, and those near the end of their budget',
        [
          [{ state: 'asked' }, people],
          [{ state: 'warned' }, warned],
        ],
        'most',
      ),
    ]);
  }
}
