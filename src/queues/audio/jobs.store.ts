import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transactions.js';
import { firstIdAt } from '../../kernel/ids.js';
import { handicapSeconds, type Priority } from '../../outbox/contracts.js';
import type { Asks } from '../../outbox/queues.service.js';
import { PAUSED, SLOTS } from './audio.queue.js';
import type { Kind } from './engine/kinds.js';
import type { Measures } from './engine/words.js';
import type { Ahead, Past } from './line/foresight.js';
import type { State, TranscriptState } from './states.js';

export interface NewJob {
  id: string;
  ownerId: string;
  priority: Priority;
  kind: Kind['name'];
  bytes: number;
  aboutSeconds: number;
}

export interface JobView {
  id: string;
  ownerId: string;
  priority: Priority;
  state: State;
  kind: Kind['name'];
  bytes: number;
  aboutSeconds: number;
  createdAt: Date;
  startedAt: Date | null;
  endedAt: Date | null;
  progress: number;
  seq: number;
  why: string | null;
  advice: string | null;
  measures: Measures | null;
  transcript: string | null;
  transcriptState: TranscriptState | null;
}

export interface Place extends Ahead {
  isPaused: boolean;
}

export interface JobEvent {
  jobId: string;
  seq: number;
  status: State;
  progress: number;
  at: Date;
}

const VIEW = `id, owner_id AS "ownerId", priority, state, kind, bytes::float8, about_seconds AS "aboutSeconds", created_at AS "createdAt",
  started_at AS "startedAt", ended_at AS "endedAt", progress, seq, why, advice, measures, transcript, transcript_state AS "transcriptState"`;
/** Whoever sends many at once comes with each of them a little later, so that others have their turn between them. */
const BEHIND_OWN = `(SELECT max(rank_at) + interval '5 seconds' FROM audio_jobs WHERE owner_id = $2 AND priority = $3 AND state = 'queued')`;
const LATELY = 200;
/** In which it is counted how many come. */
const RATE_SECONDS = 120;

/** An event for each row that the statement before it has changed. */
export const TELLS = `INSERT INTO audio_events (job_id, seq, status, progress, at) SELECT id, seq, state, progress, clock_timestamp() FROM changed`;

/** How long those that wait are, or those that ended last, one with another; and on how many all work at once. */
export interface Usual {
  seconds: number;
  slots: number;
}

export const USUAL = `coalesce((SELECT avg(about_seconds) FROM audio_jobs WHERE state = 'queued'),
  (SELECT avg(about_seconds) FROM (SELECT about_seconds FROM audio_jobs WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT ${LATELY}) AS ended), 30)::float8 AS seconds,
  ${SLOTS} AS slots`;

const written = <T>(answer: unknown): T[] => (answer as [T[], number])[0];

@Injectable()
export class JobsStore {
  constructor(private readonly db: DataSource) {}

  /** How many wait, and how many of them are this person's. Whoever asks in a transaction holds the one row of the line, so that nobody else comes in meanwhile. */
  async waiting(ownerId: string, by: Asks = this.db): Promise<{ all: number; own: number }> {
    if (by !== this.db) await by.query('SELECT FROM audio_line FOR UPDATE');
    const [found] = await by.query<[{ all: number; own: number }]>(
      `SELECT count(*)::int AS all, (count(*) FILTER (WHERE owner_id = $1))::int AS own FROM audio_jobs WHERE state = 'queued'`,
      [ownerId],
    );
    return found;
  }

  /** How many go before the first that waits of this person's. */
  async beforeFirstOf(ownerId: string): Promise<number> {
    const [found] = await this.db.query<[{ many: number }]>(
      `SELECT count(*)::int AS many FROM audio_jobs
       WHERE state = 'queued' AND rank_at < (SELECT min(rank_at) FROM audio_jobs WHERE state = 'queued' AND owner_id = $1)`,
      [ownerId],
    );
    return found.many;
  }

  async add(tx: Tx, { id, ownerId, priority, kind, bytes, aboutSeconds }: NewJob): Promise<void> {
    await tx.query(
      `WITH changed AS (
         INSERT INTO audio_jobs (id, owner_id, priority, state, rank_at, not_before, kind, bytes, about_seconds, created_at, handovers, crashes, losses, waits, progress, seq)
         VALUES ($1, $2, $3, 'queued', greatest(clock_timestamp() + $4 * interval '1 second', ${BEHIND_OWN}), clock_timestamp(), $5, $6, $7, clock_timestamp(), 0, 0, 0, 0, 0, 1)
         RETURNING id, seq, state, progress
       ) ${TELLS}`,
      [id, ownerId, priority, handicapSeconds[priority], kind, bytes, aboutSeconds],
    );
  }

  async promise(tx: Tx, id: string, expectedMs: number, promisedMs: number): Promise<void> {
    await tx.query(`UPDATE audio_jobs SET expected_ms = $2, promised_at = created_at + $3 * interval '1 millisecond' WHERE id = $1`, [
      id,
      expectedMs,
      promisedMs,
    ]);
  }

  async find(id: string): Promise<JobView | undefined> {
    const [found] = await this.db.query<JobView[]>(`SELECT ${VIEW} FROM audio_jobs WHERE id = $1`, [id]);
    return found;
  }

  /** The newest first. */
  list(ownerId: string, state: State | undefined, after: string | undefined, take: number): Promise<JobView[]> {
    return this.db.query<JobView[]>(
      `SELECT ${VIEW} FROM audio_jobs WHERE owner_id = $1 AND ($2::text IS NULL OR state = $2) AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4`,
      [ownerId, state, after, take],
    );
  }

  async placeOf(id: string, by: Asks = this.db): Promise<Place | undefined> {
    const [found] = await by.query<Place[]>(
      `SELECT ahead.many AS waiting, ahead.seconds AS "waitingSeconds", under.many AS running, under.seconds AS "runningSeconds",
         greatest(0, extract(epoch FROM j.not_before - clock_timestamp()) * 1000)::float8 AS "laterMs", over.many AS overtaking, over.seconds AS "overtakingSeconds", ${SLOTS} AS slots, ${PAUSED} AS "isPaused"
       FROM audio_jobs j
       CROSS JOIN LATERAL (
         SELECT count(*)::int AS many, coalesce(sum(about_seconds), 0)::float8 AS seconds FROM audio_jobs b
         WHERE b.state = 'queued' AND (b.rank_at, b.id) < (j.rank_at, j.id)
       ) AS ahead
       CROSS JOIN LATERAL (
         SELECT count(*)::int AS many, coalesce(sum(about_seconds * (1 - progress)), 0)::float8 AS seconds FROM audio_jobs r WHERE r.state = 'running'
       ) AS under
       CROSS JOIN LATERAL (
         SELECT count(*) / lately.seconds AS many, coalesce(sum(about_seconds), 0) / lately.seconds AS seconds
         FROM (SELECT greatest(10, extract(epoch FROM clock_timestamp() - min(created_at)))::float8 AS seconds FROM audio_jobs WHERE id > $2) AS lately
         LEFT JOIN audio_jobs o ON o.id > $2 AND o.rank_at - o.created_at < j.rank_at - j.created_at - interval '1 second'
         GROUP BY lately.seconds
       ) AS over
       WHERE j.id = $1 AND j.state = 'queued'`,
      [id, firstIdAt(new Date(Date.now() - RATE_SECONDS * 1_000))],
    );
    return found;
  }

  async usual(): Promise<Usual> {
    const [found] = await this.db.query<[Usual]>(`SELECT ${USUAL}`);
    return found;
  }

  async isPaused(): Promise<boolean> {
    const [found] = await this.db.query<[{ paused: boolean }]>(`SELECT ${PAUSED} AS paused`);
    return found.paused;
  }

  /** What ended last, of which it was foreseen when; and what should have ended by now, as far as it has lasted. */
  past(): Promise<Past[]> {
    return this.db.query<Past[]>(
      `SELECT priority, about_seconds AS "aboutSeconds", worked_ms AS "workedMs", expected_ms AS "expectedMs",
         (extract(epoch FROM promised_at - created_at) * 1000)::float8 AS "promisedMs",
         (extract(epoch FROM coalesce(ended_at, now()) - created_at) * 1000)::float8 AS "tookMs"
       FROM (
         (SELECT * FROM audio_jobs WHERE state IN ('queued', 'running') AND promised_at < now() ORDER BY rank_at LIMIT ${LATELY / 2})
         UNION ALL
         (SELECT * FROM audio_jobs WHERE ended_at IS NOT NULL AND state <> 'cancelled' AND promised_at IS NOT NULL ORDER BY ended_at DESC LIMIT ${LATELY})
       ) AS past LIMIT ${LATELY}`,
    );
  }

  /** What has not ended ends; the state in which it was, where it had ended already. */
  async cancel(tx: Tx, id: string): Promise<boolean> {
    const changed = written<{ id: string }>(
      await tx.query(
        `UPDATE audio_jobs SET state = 'cancelled', seq = seq + 1, ended_at = clock_timestamp(), lease_until = NULL, why = NULL, advice = NULL
         WHERE id = $1 AND state IN ('queued', 'running') RETURNING id`,
        [id],
      ),
    );
    if (changed.length === 0) return false;
    await tx.query(`WITH changed AS (SELECT id, seq, state, progress FROM audio_jobs WHERE id = $1) ${TELLS}`, [id]);
    return true;
  }

  async remove(tx: Tx, id: string): Promise<void> {
    await tx.query('DELETE FROM audio_jobs WHERE id = $1', [id]);
  }

  /** Of these recordings, each from after its own number on. */
  events(after: ReadonlyMap<string, number>): Promise<JobEvent[]> {
    return this.db.query<JobEvent[]>(
      `SELECT job_id AS "jobId", e.seq, status, progress, at FROM unnest($1::uuid[], $2::int[]) AS heard(id, seq)
       JOIN audio_events e ON e.job_id = heard.id AND e.seq > heard.seq ORDER BY job_id, e.seq`,
      [[...after.keys()], [...after.values()]],
    );
  }

  async known(ids: readonly string[]): Promise<Set<string>> {
    const rows = await this.db.query<{ id: string }[]>('SELECT id FROM audio_jobs WHERE id = ANY($1::uuid[])', [ids]);
    return new Set(rows.map(({ id }) => id));
  }
}
