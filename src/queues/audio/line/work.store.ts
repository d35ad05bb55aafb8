import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../../../config/config.module.js';
import type { Config } from '../../../config/config.js';
import { OwnConnection } from '../../../database/own-connection.js';
import { LEASE_SECONDS, PAUSED } from '../audio.queue.js';
import type { Kind } from '../engine/kinds.js';
import type { Measures } from '../engine/words.js';
import { TELLS } from '../jobs.store.js';
import type { TranscriptState } from '../states.js';

const LOOK_MS = 3_000;
/** Falls of the engine after which a recording is not tried again. */
export const MOST_CRASHES = 2;
/** Falls of whatever is around it, which may happen to any recording. */
const MOST_LOSSES = 5;
const MOST_WAITS = 10;
const WAIT_SECONDS = 30;
const LATER = `clock_timestamp() + interval '${WAIT_SECONDS} seconds'`;
const AGAIN = `It is tried again in ${WAIT_SECONDS} s.`;
const LEASE = `clock_timestamp() + interval '${LEASE_SECONDS} seconds'`;

export interface Taken {
  id: string;
  handovers: number;
  ownerId: string;
  kind: Kind['name'];
  aboutSeconds: number;
  /** Where it had come further before. */
  measures: Measures | null;
  transcriptState: TranscriptState | null;
}
export type Ticket = Pick<Taken, 'id' | 'handovers'>;

export interface Ending {
  state: 'completed' | 'failed';
  why?: string;
  advice?: string;
}

const written = <T>(answer: unknown): T[] => (answer as [T[], number])[0];
/** Only whoever took it last, and while nobody has ended it. */
const MINE = `id = $1 AND handovers = $2 AND state = 'running'`;

/** Every statement by which a worker moves a recording on; each holds its own rule. */
@Injectable()
export class WorkStore {
  private readonly own: OwnConnection;

  constructor(
    private readonly db: DataSource,
    @Inject(CONFIG) config: Config,
  ) {
    this.own = new OwnConnection(config, 'audio', LOOK_MS);
  }

  close(): Promise<void> {
    return this.own.end();
  }

  /** What there is to do; asked several times a second by every worker. */
  async look(tickets: readonly Ticket[]): Promise<{ due: boolean; stale: boolean; atOnce: number | null; gone: string[] }> {
    const [found] = await this.own.ask<{ due: boolean; stale: boolean; atOnce: number | null; gone: string[] }>(
      `SELECT EXISTS (SELECT FROM audio_jobs WHERE state = 'queued' AND not_before <= clock_timestamp()) AND NOT ${PAUSED} AS due,
         EXISTS (SELECT FROM audio_jobs WHERE state = 'running' AND lease_until < clock_timestamp()) AS stale,
         (SELECT at_once FROM audio_line) AS "atOnce",
         ARRAY (SELECT t.id FROM unnest($1::uuid[], $2::int[]) AS t(id, handovers)
           WHERE NOT EXISTS (SELECT FROM audio_jobs j WHERE j.id = t.id AND j.handovers = t.handovers AND j.state = 'running')) AS gone`,
      columns(tickets),
    );
    return found ?? { due: false, stale: false, atOnce: null, gone: [] };
  }

  async take(most: number): Promise<Taken[]> {
    return this.db.query<Taken[]>(
      `WITH changed AS (
           UPDATE audio_jobs SET state = 'running', handovers = handovers + 1, seq = seq + 1, lease_until = ${LEASE}, progress = 0, why = NULL, advice = NULL,
             started_at = coalesce(started_at, clock_timestamp())
           WHERE id = ANY (ARRAY (
             SELECT id FROM audio_jobs WHERE state = 'queued' AND not_before <= clock_timestamp() AND NOT ${PAUSED}
             ORDER BY rank_at, id LIMIT $1 FOR UPDATE SKIP LOCKED))
           RETURNING id, seq, state, progress, handovers, rank_at, owner_id AS "ownerId", kind, about_seconds AS "aboutSeconds", measures,
             transcript_state AS "transcriptState"
         ), told AS (${TELLS})
         SELECT * FROM changed ORDER BY rank_at, id`,
      [most],
    );
  }

  /** Who works here, and that he still does. */
  async renew(runnerId: string, atOnce: number, tickets: readonly Ticket[]): Promise<void> {
    await this.db.query(
      `WITH seen AS (
         INSERT INTO audio_runners (id, at_once, seen_at) VALUES ($3, $4, clock_timestamp())
         ON CONFLICT (id) DO UPDATE SET at_once = $4, seen_at = clock_timestamp()
       )
       UPDATE audio_jobs SET lease_until = ${LEASE} FROM unnest($1::uuid[], $2::int[]) AS t(id, handovers)
       WHERE audio_jobs.id = t.id AND audio_jobs.handovers = t.handovers AND state = 'running'`,
      [...columns(tickets), runnerId, atOnce],
    );
  }

  async leave(runnerId: string): Promise<void> {
    await this.db.query(`DELETE FROM audio_runners WHERE id = $1 OR seen_at < clock_timestamp() - interval '1 hour'`, [runnerId]);
  }

  /** What its worker no longer holds goes back, unless too many have lost it. */
  async freshen(): Promise<{ id: string; state: string }[]> {
    return this.db.query<{ id: string; state: string }[]>(
      `WITH changed AS (
           UPDATE audio_jobs SET losses = losses + 1, seq = seq + 1, progress = 0, lease_until = NULL,
             state = CASE WHEN losses + 1 >= ${MOST_LOSSES} THEN 'failed' ELSE 'queued' END,
             ended_at = CASE WHEN losses + 1 >= ${MOST_LOSSES} THEN clock_timestamp() END,
             why = CASE WHEN losses + 1 >= ${MOST_LOSSES} THEN 'lost' END,
             advice = CASE WHEN losses + 1 >= ${MOST_LOSSES} THEN 'The machine went down each time it was worked on. Send it again.' END
           WHERE id = ANY (ARRAY (SELECT id FROM audio_jobs WHERE state = 'running' AND lease_until < clock_timestamp() FOR UPDATE SKIP LOCKED))
           RETURNING id, seq, state, progress
         ), told AS (${TELLS})
         SELECT id, state FROM changed`,
    );
  }

  async progress({ id, handovers }: Ticket, share: number): Promise<void> {
    await this.change(`progress = $3`, [id, handovers, share]);
  }

  /** What the engine found; what is still to come may fail without it. */
  async measured({ id, handovers }: Ticket, measures: Measures, workedMs: number): Promise<boolean> {
    const rows = written(
      await this.db.query(`UPDATE audio_jobs SET measures = $3, worked_ms = $4 WHERE ${MINE} RETURNING id`, [
        id,
        handovers,
        JSON.stringify(measures),
        workedMs,
      ]),
    );
    return rows.length === 1;
  }

  /** Before anybody is asked what was said: should the process end meanwhile, he is not asked twice. */
  async asking({ id, handovers }: Ticket): Promise<boolean> {
    const rows = written(
      await this.db.query(`UPDATE audio_jobs SET transcript_state = 'unknown' WHERE ${MINE} AND transcript_state IS NULL RETURNING id`, [
        id,
        handovers,
      ]),
    );
    return rows.length === 1;
  }

  async heard({ id, handovers }: Ticket, state: TranscriptState, text: string | null): Promise<void> {
    await this.db.query(`UPDATE audio_jobs SET transcript_state = $3, transcript = $4 WHERE ${MINE}`, [id, handovers, state, text]);
  }

  /** `false` where it was somebody else's by then. */
  end({ id, handovers }: Ticket, { state, why, advice }: Ending): Promise<boolean> {
    return this.change(
      `state = $3, why = $4, advice = $5, ended_at = clock_timestamp(), lease_until = NULL, progress = CASE WHEN $3 = 'completed' THEN 1 ELSE progress END`,
      [id, handovers, state, why, advice],
    );
  }

  /** Once more, and after that never. */
  async crashed({ id, handovers }: Ticket): Promise<'queued' | 'failed' | undefined> {
    const advice = 'The engine fell over it twice. Record it anew, or send it in another format.';
    const isLast = `crashes + 1 >= ${MOST_CRASHES}`;
    const [row] = await this.changing<{ state: 'queued' | 'failed' }>(
      `crashes = crashes + 1, lease_until = NULL, progress = 0, state = CASE WHEN ${isLast} THEN 'failed' ELSE 'queued' END,
       ended_at = CASE WHEN ${isLast} THEN clock_timestamp() END, why = CASE WHEN ${isLast} THEN 'quarantined' END,
       advice = CASE WHEN ${isLast} THEN $3 END`,
      [id, handovers, advice],
    );
    return row?.state;
  }

  /** There was no room for what it makes: there may be in a while. Meanwhile it is told why it waits. */
  async wait({ id, handovers }: Ticket): Promise<void> {
    const isLast = `waits + 1 >= ${MOST_WAITS}`;
    const words = 'There was no room to store what is made of it.';
    await this.change(
      `waits = waits + 1, lease_until = NULL, progress = 0, not_before = ${LATER},
       state = CASE WHEN ${isLast} THEN 'failed' ELSE 'queued' END, ended_at = CASE WHEN ${isLast} THEN clock_timestamp() END,
       why = 'storage_full', advice = CASE WHEN ${isLast} THEN $3 ELSE $4 END`,
      [id, handovers, `${words} Send it again later.`, `${words} ${AGAIN}`],
    );
  }

  /** Uncounted, as nothing is wrong with it. */
  async putOff({ id, handovers }: Ticket): Promise<void> {
    await this.change(`state = 'queued', lease_until = NULL, progress = 0, not_before = ${LATER}, why = 'engine_absent', advice = $3`, [
      id,
      handovers,
      `The engine does not start. ${AGAIN}`,
    ]);
  }

  /** Back, uncounted, by whoever is told to stop. */
  async giveBack({ id, handovers }: Ticket): Promise<void> {
    await this.change(`state = 'queued', lease_until = NULL, progress = 0`, [id, handovers]);
  }

  /** Whether anything of it is still wanted. */
  async isKept(id: string): Promise<boolean> {
    const found = await this.db.query<unknown[]>(`SELECT FROM audio_jobs WHERE id = $1 AND state <> 'cancelled'`, [id]);
    return found.length > 0;
  }

  private async change(sets: string, values: unknown[]): Promise<boolean> {
    return (await this.changing(sets, values)).length === 1;
  }

  private async changing<T>(sets: string, values: unknown[]): Promise<T[]> {
    return this.db.query<T[]>(
      `WITH changed AS (UPDATE audio_jobs SET seq = seq + 1, ${sets} WHERE ${MINE} RETURNING id, seq, state, progress), told AS (${TELLS})
         SELECT state FROM changed`,
      values,
    );
  }
}

const columns = (tickets: readonly Ticket[]) => [tickets.map(({ id }) => id), tickets.map(({ handovers }) => handovers)];
