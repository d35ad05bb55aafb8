import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Refusal } from '../kernel/problems.js';
import { allQueues } from './contracts.js';

export interface QueueFigures {
  queue: string;
  paused: boolean;
  /** Due, not yet begun. */
  waiting: number;
  /** For later: sent for a time to come, or waiting after a failure. */
  later: number;
  running: number;
  dead: number;
  oldestSeconds: number;
}

export interface DeadLetter {
  id: string;
  job: string;
  failures: number;
  lastError: string | null;
  createdAt: Date;
}

const MOST_COUNTED = 10_000;

/** What operators see of the queues and do to them. */
@Injectable()
export class Queues {
  constructor(private readonly db: DataSource) {}

  /**
   * Counts end at ten thousand, so that a look costs little however much waits. Exact ones also show
   * queues that only an older or newer version knows.
   */
  figures({ exact = false } = {}): Promise<QueueFigures[]> {
    const count = (which: string) => `(SELECT count(*)::int FROM (SELECT FROM outbox WHERE queue = name AND ${which} LIMIT $2) AS found)`;
    return this.db.query<QueueFigures[]>(
      `SELECT name AS queue, coalesce((SELECT paused FROM queue_states WHERE queue = name), false) AS paused,
         ${count(`state = 'queued' AND run_at <= now() ORDER BY rank_at`)} + ${count(`state = 'handed' ORDER BY rank_at`)} AS waiting,
         ${count(`state = 'queued' AND run_at > now() AND rank_at > now() ORDER BY rank_at DESC`)} AS later,
         ${count(`state = 'running' ORDER BY rank_at`)} AS running,
         ${count(`state = 'dead' ORDER BY rank_at`)} AS dead,
         coalesce((SELECT extract(epoch FROM now() - run_at) FROM outbox
           WHERE queue = name AND state = 'queued' AND run_at <= now() ORDER BY rank_at LIMIT 1), 0)::float AS "oldestSeconds"
       FROM (SELECT unnest($1::text[]) AS name ${exact ? 'UNION SELECT queue FROM outbox' : ''}) AS names ORDER BY name`,
      [allQueues().map(({ name }) => name), exact ? null : MOST_COUNTED],
    );
  }

  async deadLetters(queue: string, most = 100): Promise<DeadLetter[]> {
    return this.db.query<DeadLetter[]>(
      `SELECT id, job, failures, last_error AS "lastError", created_at AS "createdAt" FROM outbox
       WHERE queue = $1 AND state = 'dead' ORDER BY rank_at DESC, id DESC LIMIT $2`,
      [await this.known(queue), most],
    );
  }

  /** Nothing of this queue begins any more; what runs is finished. */
  async pause(queue: string): Promise<void> {
    await this.db.query(
      `WITH state AS (
         INSERT INTO queue_states (queue, paused) VALUES ($1, true)
         ON CONFLICT (queue) DO UPDATE SET paused = true, changed_at = now() WHERE NOT queue_states.paused
       )
       UPDATE outbox SET state = 'queued', lease_until = NULL WHERE queue = $1 AND state = 'handed'`,
      [await this.known(queue)],
    );
  }

  async resume(queue: string): Promise<void> {
    await this.db.query(`UPDATE queue_states SET paused = false, changed_at = now() WHERE queue = $1 AND paused`, [
      await this.known(queue),
    ]);
  }

  /** Gives every dead letter of the queue all its attempts again. */
  async retryDead(queue: string): Promise<number> {
    const [rows] = await this.db.query<[unknown[], number]>(
      `UPDATE outbox SET state = 'queued', failures = 0, runs = 0, run_at = now(), rank_at = now() + (rank_at - run_at)
       WHERE queue = $1 AND state = 'dead' RETURNING id`,
      [await this.known(queue)],
    );
    return rows.length;
  }

  // Rows of a queue that this version does not know any more can still be seen and moved.
  private async known(queue: string): Promise<string> {
    if (allQueues().some(({ name }) => name === queue)) return queue;
    const rows = await this.db.query<unknown[]>('SELECT FROM outbox WHERE queue = $1 LIMIT 1', [queue]);
    if (rows.length === 0) throw new Refusal('not_found', `There is no queue named ${queue}.`);
    return queue;
  }
}
