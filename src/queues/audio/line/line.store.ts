import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Transactions } from '../../../database/transactions.js';
import type { Asks, Counts, Lately, Line } from '../../../outbox/queues.service.js';
import { Audit } from '../../../users/audit.service.js';
import { LEASE_SECONDS } from '../audio.queue.js';
import { TELLS, USUAL, type Usual } from '../jobs.store.js';
import { Promises } from './promises.service.js';

/** Reasons that may be over by now; what the engine fell over, or what is no recording, stays as it is. */
const PASSING = `'lost', 'storage_full'`;

/** How many recordings stand where in the line, and what admins change of it. */
@Injectable()
export class LineStore implements Line {
  constructor(
    private readonly db: DataSource,
    private readonly transactions: Transactions,
    private readonly promises: Promises,
    private readonly audit: Audit,
  ) {}

  /** Where all that may work does, nothing is idle, however long it takes. */
  async counts(most: number | null): Promise<Counts> {
    const count = (which: string) => `(SELECT count(*)::int FROM (SELECT FROM audio_jobs WHERE ${which} LIMIT $1) AS found)`;
    const [found] = await this.db.query<[Omit<Counts, 'secondsEach'> & Usual]>(
      `SELECT ${count(`state = 'queued' AND not_before <= now()`)} AS waiting, ${count(`state = 'queued' AND not_before > now()`)} AS later,
         ${count(`state = 'running'`)} AS running, ${count(`state = 'failed'`)} AS dead,
         coalesce(extract(epoch FROM now() - (SELECT min(greatest(created_at, not_before)) FROM audio_jobs WHERE state = 'queued' AND not_before <= now())), 0)::float8 AS "oldestSeconds",
         CASE WHEN EXISTS (SELECT FROM audio_jobs WHERE state = 'running') THEN 0 ELSE greatest(0, coalesce(extract(epoch FROM now() - greatest(
           (SELECT min(greatest(created_at, not_before)) FROM audio_jobs WHERE state = 'queued' AND not_before <= now()),
           (SELECT max(ended_at) FROM audio_jobs WHERE ended_at IS NOT NULL))), 0))::float8 END
           * (EXISTS (SELECT FROM audio_jobs WHERE state = 'queued' AND not_before <= now()))::int AS "idleSeconds", ${USUAL}`,
      [most],
    );
    const { seconds, slots, ...counts } = found;
    return { ...counts, secondsEach: await this.promises.secondsEach({ seconds, slots }) };
  }

  async lately(): Promise<Lately> {
    const [found] = await this.db.query<[Lately]>(
      `SELECT count(*)::int AS ended,
         percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY greatest(0, extract(epoch FROM started_at - created_at))::float8) AS waits
       FROM audio_jobs WHERE ended_at > now() - interval '1 minute' AND state <> 'cancelled'`,
    );
    return found;
  }

  async retry(by: Asks): Promise<number> {
    const [found] = await by.query<[{ many: number }]>(
      `WITH changed AS (
         UPDATE audio_jobs SET state = 'queued', seq = seq + 1, progress = 0, crashes = 0, losses = 0, waits = 0, ended_at = NULL, why = NULL, advice = NULL,
           rank_at = clock_timestamp() + (rank_at - created_at), not_before = clock_timestamp(), expected_ms = NULL, promised_at = NULL
         WHERE state = 'failed' AND why IN (${PASSING}) RETURNING id, seq, state, progress
       ), told AS (${TELLS})
       SELECT count(*)::int AS many FROM changed`,
    );
    return found.many;
  }

  async setConcurrency(actorId: string, atOnce: number | null) {
    await this.transactions.run(async (tx) => {
      const [, changed] = await tx.query<[unknown, number]>('UPDATE audio_line SET at_once = $1 WHERE at_once IS DISTINCT FROM $1', [
        atOnce,
      ]);
      if (changed > 0) await this.audit.note(tx, 'audio_concurrency_set', { actorId }, { atOnce });
    });
    // Workers see it with their next look; what they will be at once is known now.
    const [found] = await this.db.query<[{ workers: number; together: number }]>(
      `SELECT count(*)::int AS workers, coalesce(sum(coalesce($1, at_once)), 0)::int AS together FROM audio_runners
       WHERE seen_at > now() - interval '${LEASE_SECONDS} seconds'`,
      [atOnce],
    );
    return { atOnce, ...found };
  }
}
