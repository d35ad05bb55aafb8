import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { SANDBOX_SECRET } from './givers.js';

interface Event {
  id: string;
  donationId: string;
  amountCents: number;
}

const PROOF = /^t=(\d{1,12}),v1=([\da-f]{64})$/;
const TOLERANCE_SECONDS = 300;

const HEARD = `INSERT INTO payment_events (provider, event_id, donation_id, kind, amount_cents, reference, state, received_at)
  VALUES ('sandbox', $1, $2, 'paid', $3, $4, 'applied', now()) ON CONFLICT DO NOTHING`;
const CONFIRMED = `UPDATE donations SET status = 'confirmed', confirmed_at = now(), reference = $3
  WHERE id = $1 AND status = 'pending' AND amount_cents = $2 RETURNING campaign_id, donor_key`;
const WRITTEN = `INSERT INTO ledger (donation_id, kind, campaign_id, debit, credit, amount_cents, at)
  VALUES ($1, 'gift', $2::uuid, 'provider:sandbox', 'campaign:' || $2::uuid, $3, now())`;
const DONOR = `INSERT INTO campaign_donors AS known (campaign_id, donor_key, gifts) VALUES ($1, $2, 1)
  ON CONFLICT (campaign_id, donor_key) DO UPDATE SET gifts = known.gifts + 1 RETURNING gifts`;
const TOTAL = `INSERT INTO campaign_totals AS known (campaign_id, raised_cents, donor_count) VALUES ($1, $2, $3)
  ON CONFLICT (campaign_id) DO UPDATE SET raised_cents = known.raised_cents + excluded.raised_cents,
    donor_count = known.donor_count + excluded.donor_count`;

function isOurs(body: Buffer, given: unknown): boolean {
  const [, seconds = '', proof = ''] = PROOF.exec(String(given)) ?? [];
  if (proof === '' || Math.abs(Date.now() / 1_000 - Number(seconds)) > TOLERANCE_SECONDS) return false;
  const right = createHmac('sha256', SANDBOX_SECRET).update(`${seconds}.`).update(body).digest();
  return timingSafeEqual(Buffer.from(proof, 'hex'), right);
}

/** What a provider tells by hand, for comparison: the same books in one transaction, without receipt and thanks. */
export function paid(app: FastifyInstance, db: pg.Pool): void {
  void app.register(async (inner) => {
    inner.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    inner.post<{ Body: Buffer }>('/paid', async ({ body, headers }, reply) => {
      if (!isOurs(body, headers['x-sandbox-signature'])) return reply.status(401).send({ code: 'unauthenticated' });
      const event = JSON.parse(body.toString()) as Event;
      const client = await db.connect();
      try {
        await client.query('BEGIN');
        await apply(client, event);
        await client.query('COMMIT');
      } finally {
        client.release();
      }
      return { received: true };
    });
  });
}

async function apply(client: pg.PoolClient, { id, donationId, amountCents }: Event): Promise<void> {
  const reference = `sandbox:${donationId}`;
  const heard = await client.query({ name: 'heard', text: HEARD, values: [id, donationId, amountCents, reference] });
  if (heard.rowCount === 0) return;
  const { rows } = await client.query<{ campaign_id: string; donor_key: string }>({
    name: 'confirmed',
    text: CONFIRMED,
    values: [donationId, amountCents, reference],
  });
  const [gift] = rows;
  if (!gift) return;
  await client.query({ name: 'written', text: WRITTEN, values: [donationId, gift.campaign_id, amountCents] });
  const donor = await client.query<{ gifts: number }>({ name: 'donor', text: DONOR, values: [gift.campaign_id, gift.donor_key] });
  const isNew = Number(donor.rows[0]?.gifts) === 1 ? 1 : 0;
  await client.query({ name: 'total', text: TOTAL, values: [gift.campaign_id, amountCents, isNew] });
}
