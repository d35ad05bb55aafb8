import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Refusal } from '../kernel/problems.js';
import { allJobs, allQueues } from './contracts.js';

export interface Counts {
  /** Due, not yet begun. */
  waiting: number;
  /** For later: sent for a time to come, or waiting after a failure. */
  later: number;
  running: number;
  dead: number;
  /** Of the line beside a queue alone: ended so that nobody knows how. */
  unknown?: number;
  oldestSeconds: number;
  /** How long nothing has begun that should have. */
  idleSeconds: number;
  /** Of the line beside a queue alone: how long each takes at the pace that it keeps. */
  secondsEach?: number;
}

export interface QueueFigures extends Counts {
  queue: string;
  paused: boolean;
  /** Where it was not paused by hand. */
  why: string | null;
}

/** What was done in the last minute, and how many seconds the half and 95 % of it had waited, from due to begun. */
export interface Lately {
  ended: number;
  waits: readonly [number | null, number | null] | null;
  /** Of the line beside a queue alone: how long all that is due takes, where it knows better than by its pace. */
  secondsLeft?: number;
}

/** Work that belongs to a queue and stands in a line of its own, as it needs another order than that of the outbox. */
export interface Line {
  /** Counts may end at so many. */
  counts(most: number | null): Promise<Counts>;
  lately(): Promise<Lately>;
  /** Puts back what failed and may succeed now; how much that was. */
  retry(by: Asks): Promise<number>;
}

/** The database, or a transaction of it. */
export type Asks = Pick<DataSource, 'query'>;

export interface DeadLetter {
  id: string;
  job: string;
  failures: number;
  lastError: string | null;
  createdAt: Date;
}

const LATELY_SECONDS = 60;

/** How many a second ended in the last minute. */
export const paceOf = ({ ended }: Pick<Lately, 'ended'>): number => ended / LATELY_SECONDS;

/** As long as what waits takes at the pace of the line, or of the last minute; nobody knows where nothing was done in it. */
export function etaOf({ waiting, paused, secondsEach }: QueueFigures, lately: Pick<Lately, 'ended' | 'secondsLeft'>): number | null {
  if (paused) return null;
  if (lately.secondsLeft !== undefined) return Math.ceil(lately.secondsLeft);
  if (waiting === 0) return 0;
  const perSecond = secondsEach === undefined ? paceOf(lately) : 1 / secondsEach;
  return perSecond > 0 ? Math.ceil(waiting / perSecond) : null;
}

const MOST_COUNTED = 10_000;

/** What operators see of the queues and do to them. */
@Injectable()
export class Queues {
  private readonly lines = new Map<string, Line>();

  constructor(private readonly db: DataSource) {}

  /** From then on the line counts, and is put back, with the queue of this name. */
  join(queue: string, line: Line): void {
    this.lines.set(queue, line);
  }

  /**
   * Counts end at ten thousand, so that a look costs little however much waits. Exact ones also show
   * queues that only an older or newer version knows.
   */
  async figures({ exact = false } = {}): Promise<QueueFigures[]> {
    const most = exact ? null : MOST_COUNTED;
    // One after the other: a look takes one connection of the pool, however much there is to see.
    const rows = await this.rowFigures(most);
    const beside = new Map<string, Counts>();
    for (const [name, line] of this.lines) beside.set(name, await line.counts(most));
    return rows.map((row) => together(row, beside.get(row.queue)));
  }

  /** By queue. Where a line did anything, its waits are those of its queue. */
  async lately(): Promise<ReadonlyMap<string, Lately>> {
    const jobs = allJobs();
    const [done, lines] = await Promise.all([
      this.db.query<({ queue: string } & Lately)[]>(
        `SELECT known.queue, count(*)::int AS ended, percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY waited_ms / 1000.0) AS waits
         FROM handled_jobs JOIN unnest($1::text[], $2::text[]) AS known(job, queue) USING (job)
         WHERE handled_at > now() - interval '1 minute' GROUP BY known.queue`,
        [jobs.map(({ name }) => name), jobs.map(({ queue }) => queue.name)],
      ),
      Promise.all([...this.lines].map(async ([queue, line]) => ({ queue, ...(await line.lately()) }))),
    ]);
    const all = new Map<string, Lately>(done.map(({ queue, ...lately }) => [queue, lately]));
    for (const { queue, ended, waits, ...line } of lines) {
      const jobs = all.get(queue) ?? { ended: 0, waits: null };
      all.set(queue, { ended: ended + jobs.ended, waits: ended > 0 ? waits : jobs.waits, ...line });
    }
    return all;
  }

  async deadLetters(queue: string, most = 100): Promise<DeadLetter[]> {
    return this.db.query<DeadLetter[]>(
      `SELECT id, job, failures, last_error AS "lastError", created_at AS "createdAt" FROM outbox
       WHERE queue = $1 AND state = 'dead' ORDER BY rank_at DESC, id DESC LIMIT $2`,
      [await this.known(queue), most],
    );
  }

  /** Nothing of this queue begins any more; what runs is finished. Tells whether it was not so before. */
  async pause(queue: string, by: Asks = this.db): Promise<boolean> {
    const [{ changed }] = await by.query<[{ changed: boolean }]>(
      `WITH state AS (
         INSERT INTO queue_states (queue, paused) VALUES ($1, true)
         ON CONFLICT (queue) DO UPDATE SET paused = true, changed_at = now(), why = NULL WHERE NOT queue_states.paused RETURNING 1
       ), back AS (
         UPDATE outbox SET state = 'queued', lease_until = NULL WHERE queue = $1 AND state = 'handed'
       )
       SELECT EXISTS (SELECT FROM state) AS changed`,
      [await this.known(queue)],
    );
    return changed;
  }

  async resume(queue: string, by: Asks = this.db): Promise<boolean> {
    const [, count] = await by.query<[unknown[], number]>(
      `UPDATE queue_states SET paused = false, why = NULL, changed_at = now() WHERE queue = $1 AND paused`,
      [await this.known(queue)],
    );
    return count > 0;
  }

  /** Gives every dead letter of the queue all its attempts again, and what failed in its line; how many these are. */
  async retry(queue: string, by: Asks = this.db): Promise<number> {
    const [rows] = await by.query<[unknown[], number]>(
      `UPDATE outbox SET state = 'queued', failures = 0, runs = 0, run_at = now(), rank_at = now() + (rank_at - run_at)
       WHERE queue = $1 AND state = 'dead' RETURNING id`,
      [await this.known(queue)],
    );
    return rows.length + ((await this.lines.get(queue)?.retry(by)) ?? 0);
  }

  private rowFigures(most: number | null): Promise<QueueFigures[]> {
    const count = (which: string) => `(SELECT count(*)::int FROM (SELECT FROM outbox WHERE queue = name AND ${which} LIMIT $2) AS found)`;
    return this.db.query<QueueFigures[]>(
      `SELECT figures.*, "oldestSeconds" AS "idleSeconds" FROM (
         SELECT name AS queue, coalesce((SELECT paused FROM queue_states WHERE queue = name), false) AS paused,
           (SELECT why FROM queue_states WHERE queue = name AND paused) AS why,
           ${count(`state = 'queued' AND run_at <= now() ORDER BY rank_at`)} + ${count(`state = 'handed' ORDER BY rank_at`)} AS waiting,
           ${count(`state = 'queued' AND run_at > now() AND rank_at > now() ORDER BY rank_at DESC`)} AS later,
           ${count(`state = 'running' ORDER BY rank_at`)} AS running,
           ${count(`state = 'dead' ORDER BY rank_at`)} AS dead,
           coalesce((SELECT extract(epoch FROM now() - run_at) FROM outbox
             WHERE queue = name AND state = 'queued' AND run_at <= now() ORDER BY rank_at LIMIT 1), 0)::float AS "oldestSeconds"
         FROM (SELECT unnest($1::text[]) AS name ${most === null ? 'UNION SELECT queue FROM outbox' : ''}) AS names
       ) AS figures ORDER BY queue`,
      [allQueues().map(({ name }) => name), most],
    );
  }

  // Rows of a queue that this version does not know any more can still be seen and moved.
  private async known(queue: string): Promise<string> {
    if (allQueues().some(({ name }) => name === queue)) return queue;
    const rows = await this.db.query<unknown[]>('SELECT FROM outbox WHERE queue = $1 LIMIT 1', [queue]);
    if (rows.length === 0) throw new Refusal('not_found', `There is no queue named ${queue}.`);
    return queue;
  }
}

function together(rows: QueueFigures, line: Counts | undefined): QueueFigures {
  if (!line) return rows;
  return {
    ...rows,
    waiting: rows.waiting + line.waiting,
    later: rows.later + line.later,
    running: rows.running + line.running,
    dead: rows.dead + line.dead,
    unknown: line.unknown,
    secondsEach: line.secondsEach,
    oldestSeconds: Math.max(rows.oldestSeconds, line.oldestSeconds),
    idleSeconds: Math.max(rows.idleSeconds, line.idleSeconds),
  };
}
