import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transactions.js';

export interface Refresh {
  id: string;
  state: 'queued' | 'running' | 'done' | 'failed';
  requestedAt: Date;
  beganAt: Date | null;
  endedAt: Date | null;
  finding: Record<string, unknown> | null;
}

const VIEW = `id, state, requested_at AS "requestedAt", began_at AS "beganAt", ended_at AS "endedAt", finding`;
const KEEP_DAYS = 30;
const CHORE = 'export for business questions';

@Injectable()
export class RefreshesStore {
  constructor(private readonly db: DataSource) {}

  /** Nothing where one waits already. */
  async add(tx: Tx, id: string): Promise<Refresh | undefined> {
    const [added] = await tx.query<Refresh[]>(
      `INSERT INTO analytics_refreshes (id, state, requested_at) VALUES ($1, 'queued', now())
       ON CONFLICT (state) WHERE state = 'queued' DO NOTHING RETURNING ${VIEW}`,
      [id],
    );
    return added;
  }

  async waiting(tx: Tx): Promise<Refresh | undefined> {
    const [found] = await tx.query<Refresh[]>(`SELECT ${VIEW} FROM analytics_refreshes WHERE state = 'queued'`);
    return found;
  }

  /** For the one process that is to order the next one now. */
  async isDue(tx: Tx, minutes: number): Promise<boolean> {
    const due = await tx.query<unknown[]>(
      `INSERT INTO chores AS known (name, done_at) VALUES ($1, now())
       ON CONFLICT (name) DO UPDATE SET done_at = now() WHERE known.done_at < now() - $2 * interval '1 minute' RETURNING 1`,
      [CHORE, minutes],
    );
    return due.length === 1;
  }

  async begin(id: string): Promise<void> {
    await this.db.query(
      `UPDATE analytics_refreshes SET state = 'running', began_at = now(), ended_at = NULL, finding = NULL WHERE id = $1`,
      [id],
    );
  }

  async end(tx: Tx | DataSource, id: string, state: 'done' | 'failed', finding: object): Promise<void> {
    await tx.query('UPDATE analytics_refreshes SET state = $2, ended_at = now(), finding = $3 WHERE id = $1', [
      id,
      state,
      JSON.stringify(finding),
    ]);
  }

  fail(id: string, finding: object): Promise<void> {
    return this.end(this.db, id, 'failed', finding);
  }

  async forget(): Promise<void> {
    await this.db.query(
      `DELETE FROM analytics_refreshes WHERE state IN ('done', 'failed') AND requested_at < now() - interval '${KEEP_DAYS} days'`,
    );
  }

  /** The one that was ordered last. */
  async last(): Promise<Refresh | undefined> {
    const [found] = await this.db.query<Refresh[]>(`SELECT ${VIEW} FROM analytics_refreshes ORDER BY id DESC LIMIT 1`);
    return found;
  }
}
