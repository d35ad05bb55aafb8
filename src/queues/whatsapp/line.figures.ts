import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import type { Asks, Counts, Lately, Line } from '../../outbox/queues.service.js';
import { Forecast } from './broadcasts/forecast.service.js';
import { handicapSeconds } from './messages.store.js';
import { knownCodes, metaErrorOf } from './provider/meta-errors.js';
import { quietUntil } from './quiet-hours.js';

/** As much later than what somebody waits for as broadcasts are. */
const BROADCAST_SECONDS = 60;

/** What may pass, and what an operator mends. */
const passing = knownCodes.filter((code) => metaErrorOf(code)?.kind !== 'stop');

/** How many messages stand where in the line, and what became of it lately. */
@Injectable()
export class LineFigures implements Line {
  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'WHATSAPP_QUIET_HOURS' | 'WHATSAPP_TIMEZONE'>,
    private readonly db: DataSource,
    private readonly forecast: Forecast,
  ) {}

  /** What was put off is as old as it was before. A long line that moves is not idle; nor is one of broadcasts while it is quiet. */
  async counts(most: number | null): Promise<Counts> {
    const count = (which: string) => `(SELECT count(*)::int FROM (SELECT FROM whatsapp_messages m ${which} LIMIT $1) AS found)`;
    const first = (lane: string) =>
      `(SELECT rank_at FROM whatsapp_messages WHERE lane = '${lane}' AND state = 'queued' ORDER BY rank_at, id LIMIT 1)`;
    const [found] = await this.db.query<[Counts]>(
      `SELECT ${count(`WHERE state = 'queued'`)} + under.taken AS waiting,
         ${count(`WHERE state = 'later'`)}
           + ${count(`JOIN whatsapp_broadcasts b ON b.id = m.broadcast_id WHERE b.state = 'paused' AND m.state = 'held'`)} AS later,
         under.sending AS running,
         ${count(`WHERE state = 'failed'`)} AS dead,
         ${count(`WHERE state = 'unknown'`)} AS unknown,
         greatest(0, extract(epoch FROM now() - least((SELECT min(send_at) FROM whatsapp_messages WHERE state = 'queued'),
           (SELECT min(CASE WHEN lane = 'broadcast' THEN created_at ELSE rank_at - ${handicapSeconds.direct} * (sender_id IS NOT NULL)::int * interval '1 second' END)
              FROM whatsapp_messages WHERE state = 'later'))))::float8 AS "oldestSeconds",
         CASE WHEN next.at IS NULL THEN 0 ELSE greatest(0, extract(epoch FROM now() - greatest(next.at,
           (SELECT max(sent_at) FROM whatsapp_messages WHERE sent_at IS NOT NULL))))::float8 END AS "idleSeconds"
       FROM (SELECT count(*) FILTER (WHERE state = 'taken')::int AS taken, count(*) FILTER (WHERE state = 'sending')::int AS sending
             FROM whatsapp_messages WHERE state IN ('taken', 'sending')) AS under,
         (SELECT least(${first('direct')}, CASE WHEN NOT $2 THEN ${first('broadcast')} END) AS at) AS next`,
      [most, quietUntil(Date.now(), this.config.WHATSAPP_QUIET_HOURS, this.config.WHATSAPP_TIMEZONE) !== undefined],
    );
    return found;
  }

  async lately(): Promise<Lately> {
    const [found] = await this.db.query<[Lately]>(
      `SELECT count(*)::int AS ended,
         percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY greatest(0, extract(epoch FROM sent_at - send_at))::float8) AS waits
       FROM whatsapp_messages WHERE sent_at > now() - interval '1 minute'`,
    );
    return { ...found, secondsLeft: await this.forecast.secondsLeft() };
  }

  /**
   * What was given up for a reason that may be over, and which the provider certainly never took. To whom has opted
   * out nothing goes; of what nobody knows, nothing either. A broadcast that is over goes on for what comes back to it.
   */
  async retry(by: Asks): Promise<number> {
    const [rows] = await by.query<[unknown[], number]>(
      `WITH again AS MATERIALIZED (
         SELECT m.id, m.lane, m.broadcast_id, b.state AS broadcast FROM whatsapp_messages m JOIN whatsapp_recipients r ON r.phone = m.phone
           LEFT JOIN whatsapp_broadcasts b ON b.id = m.broadcast_id
         WHERE m.state = 'failed' AND m.reference IS NULL AND m.sent_at IS NULL AND NOT r.opted_out AND m.why IS DISTINCT FROM 'window_closed'
           AND (m.advice IS NULL OR m.code = ANY($1::int[])) AND b.state IS DISTINCT FROM 'cancelled'
         ORDER BY m.id FOR UPDATE OF m
       ), reopened AS (
         UPDATE whatsapp_broadcasts SET state = 'running', ended_at = NULL WHERE state = 'done' AND id IN (SELECT broadcast_id FROM again)
       )
       UPDATE whatsapp_messages m SET state = CASE WHEN again.broadcast = 'paused' THEN 'held' ELSE 'queued' END, tries = 0, send_at = now(),
         rank_at = now() + CASE WHEN again.lane = 'direct' THEN $2::int ELSE $3::int END * interval '1 second', code = NULL, why = NULL, advice = NULL
       FROM again WHERE m.id = again.id RETURNING m.id`,
      [passing, handicapSeconds.direct, BROADCAST_SECONDS],
    );
    return rows.length;
  }
}
