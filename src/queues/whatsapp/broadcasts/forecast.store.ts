import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { CONFIG } from '../../../config/config.module.js';
import type { Config } from '../../../config/config.js';
import { WHATSAPP } from '../whatsapp.queue.js';
import type { Flight, Opened } from './flight-plan.js';

interface Line extends Pick<Flight, 'nowMs' | 'nextMs' | 'ahead' | 'opened'> {
  /** By hand, or by what an operator has to mend. */
  isPaused: boolean;
}

/** One that is there, or a new one of so many messages, or all that is due. */
type Whose = { newlyFor: number } | { of: string } | 'all';

/** Whoever is in a transaction asks there: he would wait for a second connection with the first in his hand. */
type Asked = Pick<EntityManager, 'query'>;

const MS = (moment: string) => `(extract(epoch FROM ${moment}) * 1000)::float8`;

/** Who has not written within a day, nor was written to. */
const OPENS = `coalesce(r.window_until < now(), true) AND coalesce(r.opened_at <= now() - interval '1 day', true)`;
const UNWRITTEN = `whatsapp_audiences a JOIN whatsapp_broadcasts b ON b.id = a.broadcast_id LEFT JOIN whatsapp_recipients r ON r.phone = a.phone`;

/** The rank of the last that counts, and what that is made of. Of all, a message of somebody for a later time is not due before it. */
function lastOf(whose: Whose, perSecond: number): [string, ...unknown[]] {
  if (whose === 'all') return [`CASE WHEN m.state = 'later' AND m.lane = 'direct' THEN now() + interval '5 seconds' ELSE 'infinity' END`];
  if ('newlyFor' in whose) return [`now() + ($2::float8 / $3::float8 + 60) * interval '1 second'`, whose.newlyFor, perSecond];
  const own = `last_rank_at + (recipients - prepared) / $3::float8 * interval '1 second'`;
  return [`(SELECT ${own} FROM whatsapp_broadcasts WHERE id = $2)`, whose.of, perSecond];
}

/** What is known of the line when somebody wants to know how long it takes. */
@Injectable()
export class ForecastStore {
  constructor(
    private readonly db: DataSource,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** What goes before the last of its messages; of one that is there, its own among them. */
  async line(whose: Whose, tx: Asked = this.db): Promise<Line> {
    const { WHATSAPP_RATE_PER_SECOND: perSecond, WHATSAPP_DAILY_RECIPIENTS: tier } = this.config;
    const [last, ...values] = lastOf(whose, perSecond);
    const before = `m.state IN ('later', 'queued', 'taken') AND m.rank_at <= ${last}`;
    // Of those that are being written, what is not in the line yet.
    const some =
      whose === 'all'
        ? 'recipients - prepared'
        : `least(recipients - prepared, greatest(0, extract(epoch FROM ${last} - last_rank_at) * $3::float8))`;
    const unwritten = `(SELECT coalesce(sum(${some}), 0)::int FROM whatsapp_broadcasts WHERE state = 'preparing')`;
    const opens = `(SELECT count(DISTINCT m.phone) FROM whatsapp_messages m JOIN whatsapp_recipients r ON r.phone = m.phone WHERE ${before} AND ${OPENS})
      + (SELECT count(*) FROM ${UNWRITTEN} WHERE b.state = 'preparing' AND b.recipients > b.prepared AND ${OPENS})`;
    const [found] = await tx.query<[Omit<Line, 'ahead' | 'opened'> & Flight['ahead']]>(
      `SELECT ${MS('clock_timestamp()')} AS "nowMs", ${MS('p.next_at')} AS "nextMs", due.direct, due.broadcast + ${unwritten} AS broadcast,
         CASE WHEN $1 THEN (${opens})::int ELSE 0 END AS opens, EXISTS (SELECT FROM queue_states WHERE queue = '${WHATSAPP}' AND paused) AS "isPaused"
       FROM whatsapp_pace p, (
         SELECT count(*) FILTER (WHERE m.lane = 'direct')::int AS direct, count(*) FILTER (WHERE m.lane = 'broadcast')::int AS broadcast
         FROM whatsapp_messages m WHERE ${before}
       ) AS due`,
      [tier > 0, ...values],
    );
    const opened = tier === 0 ? [] : await this.opened(tx);
    const { direct, broadcast, opens: first, ...now } = found;
    return { ...now, ahead: { direct, broadcast, opens: first }, opened };
  }

  /** Of those to whom it still goes, how many would be written to first. */
  async opens(id: string): Promise<number> {
    const [found] = await this.db.query<[{ opens: number }]>(
      `SELECT (SELECT count(*) FROM whatsapp_messages m JOIN whatsapp_recipients r ON r.phone = m.phone
           WHERE m.broadcast_id = $1 AND m.state IN ('later', 'queued', 'held', 'taken') AND ${OPENS})::int
         + (SELECT count(*) FROM ${UNWRITTEN} WHERE b.id = $1 AND ${OPENS})::int AS opens`,
      [id],
    );
    return found.opens;
  }

  /** By minutes, as a day has few of them. */
  private opened(tx: Asked): Promise<Opened[]> {
    return tx.query<Opened[]>(
      `SELECT ${MS('max(opened_at)')} AS "atMs", count(*)::int AS count FROM (
         SELECT opened_at FROM whatsapp_recipients WHERE opened_at > now() - interval '1 day' ORDER BY opened_at DESC LIMIT $1
       ) AS opened GROUP BY date_trunc('minute', opened_at) ORDER BY 1`,
      [this.config.WHATSAPP_DAILY_RECIPIENTS],
    );
  }
}
