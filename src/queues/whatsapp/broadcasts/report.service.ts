import { Injectable } from '@nestjs/common';
import { stringify } from 'csv-stringify/sync';
import { DataSource } from 'typeorm';
import type { BroadcastView } from './broadcasts.store.js';

export interface Reason {
  status: string;
  code: number | null;
  reason: string;
  messages: number;
}

const MOST_REASONS = 100;
const columns = ['status', 'code', 'reason', 'messages'] as const;
const outcomes = ['optedOut', 'invalid', 'queued', 'sending', 'sent', 'delivered', 'read', 'failed', 'suppressed', 'unknown'] as const;

/** What became of a broadcast. */
@Injectable()
export class BroadcastReports {
  constructor(private readonly db: DataSource) {}

  async of({ id, status, counts, startedAt, endedAt }: BroadcastView) {
    const arrived = counts.delivered + counts.read;
    return {
      ...{ id, status, counts },
      reasons: await this.reasons(id),
      deliveryRate: share(arrived, arrived + counts.sent + counts.failed),
      readRate: share(counts.read, arrived),
      durationSeconds: startedAt && endedAt && Math.max(0, (endedAt.getTime() - startedAt.getTime()) / 1_000),
    };
  }

  /** A row for each outcome, and one for each reason that somebody gave. */
  async csv(broadcast: BroadcastView): Promise<string> {
    const { counts, reasons } = await this.of(broadcast);
    const rows = [...outcomes.map((status) => ({ status, code: null, reason: null, messages: counts[status] })), ...reasons];
    return stringify(rows, { columns: [...columns], header: true, bom: true, escape_formulas: true, record_delimiter: 'windows' });
  }

  private reasons(id: string): Promise<Reason[]> {
    return this.db.query<Reason[]>(
      `SELECT state AS status, code, why AS reason, count(*)::int AS messages FROM whatsapp_messages
       WHERE broadcast_id = $1 AND state IN ('failed', 'suppressed', 'unknown') AND why IS NOT NULL
       GROUP BY state, code, why ORDER BY count(*) DESC, state, why LIMIT ${MOST_REASONS}`,
      [id],
    );
  }
}

/** Rounded to hundredths of a per cent; nothing of nothing. */
const share = (part: number, whole: number): number | null => (whole === 0 ? null : Math.round((part / whole) * 10_000) / 10_000);
