import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transactions.js';

interface Refund {
  id: string;
  donationId: string;
  reason: string;
  requestedBy: string;
}

interface AskedRefund {
  donationId: string;
  reason: string | null;
  status: string;
  requestedAt: Date;
  doneAt: Date | null;
}

interface Order {
  provider: string;
  amountCents: number;
  reference: string | null;
}

/** Of a confirmed gift, once; anew only where the provider did not do it. */
const BEGIN = `INSERT INTO refunds AS known (id, donation_id, reason, requested_by, status, requested_at)
  SELECT $2, id, $3, $4, 'pending', now() FROM donations WHERE id = $1 AND status = 'confirmed'
  ON CONFLICT (donation_id) DO UPDATE SET id = excluded.id, reason = excluded.reason, requested_by = excluded.requested_by, status = 'pending',
    requested_at = now() WHERE known.status = 'failed'
  RETURNING 1`;

@Injectable()
export class RefundsStore {
  constructor(private readonly db: DataSource) {}

  /** `false` where there is nothing to give back, or it is under way. */
  async begin(tx: Tx, { id, donationId, reason, requestedBy }: Refund): Promise<boolean> {
    return (await tx.query<unknown[]>(BEGIN, [donationId, id, reason, requestedBy])).length === 1;
  }

  /** What somebody had given back, and why he said so; the newest first. */
  askedBy(userId: string): Promise<AskedRefund[]> {
    return this.db.query(
      `SELECT donation_id AS "donationId", reason, status, requested_at AS "requestedAt", done_at AS "doneAt" FROM refunds
        WHERE requested_by = $1 ORDER BY requested_at DESC`,
      [userId],
    );
  }

  /** What the provider still has to do; nothing where it is done, or another has taken its place. */
  async order(id: string): Promise<Order | undefined> {
    const [order] = await this.db.query<Order[]>(
      `SELECT d.provider, d.amount_cents::float8 AS "amountCents", d.reference FROM refunds f JOIN donations d ON d.id = f.donation_id
        WHERE f.id = $1 AND f.status = 'pending' AND d.status = 'confirmed'`,
      [id],
    );
    return order;
  }
}
