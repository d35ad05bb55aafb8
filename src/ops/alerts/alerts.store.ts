import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transactions.js';
import type { From } from '../../http/lists.js';
import type { RuleName, Verdict } from './rules.js';

const KEPT = '1 year';

export interface Alert {
  id: string;
  rule: RuleName;
  value: number;
  threshold: number;
  instance: string | null;
  firedAt: Date;
  resolvedAt: Date | null;
}

export type AlertState = 'firing' | 'resolved';

const VIEW = 'id, rule, value, threshold, instance, fired_at AS "firedAt", resolved_at AS "resolvedAt"';
const OF_STATE = `($1::text IS NULL OR ($1 = 'firing') = (resolved_at IS NULL))`;

/** Of each rule one fires at most, whichever instances see it. */
@Injectable()
export class AlertsStore {
  constructor(private readonly db: DataSource) {}

  /** False where it fires already. */
  async fire(tx: Tx, id: string, rule: RuleName, threshold: number, { value, instance }: Verdict): Promise<boolean> {
    await tx.query(`DELETE FROM alerts WHERE resolved_at < now() - interval '${KEPT}'`);
    const fired = await tx.query<object[]>(
      `INSERT INTO alerts (id, rule, value, threshold, instance) VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (rule) WHERE resolved_at IS NULL DO NOTHING RETURNING id`,
      [id, rule, value, threshold, instance],
    );
    return fired.length > 0;
  }

  /** The one that was over by this; none where somebody else has seen it. */
  async resolve(tx: Tx, rule: RuleName): Promise<string | undefined> {
    const [ended] = await tx.query<[{ id: string }[], number]>(
      'UPDATE alerts SET resolved_at = now() WHERE rule = $1 AND resolved_at IS NULL RETURNING id',
      [rule],
    );
    return ended[0]?.id;
  }

  async firing(): Promise<Alert[]> {
    return this.db.query<Alert[]>(`SELECT ${VIEW} FROM alerts WHERE resolved_at IS NULL ORDER BY id`);
  }

  async find(id: string): Promise<Alert | undefined> {
    return (await this.db.query<Alert[]>(`SELECT ${VIEW} FROM alerts WHERE id = $1`, [id]))[0];
  }

  list(state: AlertState | undefined, { after, skip, take }: From): Promise<Alert[]> {
    return this.db.query<Alert[]>(
      `SELECT ${VIEW} FROM alerts WHERE ${OF_STATE} AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC OFFSET $3 LIMIT $4`,
      [state ?? null, after ?? null, skip, take],
    );
  }

  async count(state: AlertState | undefined): Promise<number> {
    const [found] = await this.db.query<[{ count: number }]>(`SELECT count(*)::int AS count FROM alerts WHERE ${OF_STATE}`, [
      state ?? null,
    ]);
    return found.count;
  }

  /** Fences the call that follows. False where a run before this one may have made it. */
  async begin(jobId: string, alertId: string): Promise<boolean> {
    const begun = await this.db.query<object[]>(
      `INSERT INTO alert_tellings (job_id, alert_id, state) VALUES ($1, $2, 'sending')
      ON CONFLICT (job_id) DO UPDATE SET state = 'sending' WHERE alert_tellings.state = 'waiting' RETURNING job_id`,
      [jobId, alertId],
    );
    return begun.length > 0;
  }

  async end(jobId: string, state: 'waiting' | 'sent' | 'unknown' | 'refused', tx?: Tx): Promise<void> {
    await (tx ?? this.db).query(`UPDATE alert_tellings SET state = $2 WHERE job_id = $1 AND state = 'sending'`, [jobId, state]);
  }
}
