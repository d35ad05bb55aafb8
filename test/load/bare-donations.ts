import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { newId } from '../../src/kernel/ids.js';

interface Gift {
  amountCents: number;
  method: string;
  donor: { name: string; email: string };
}

const ANSWER = `INSERT INTO stored_answers (key, question, donation_id, status, body, lease_until, created_at) VALUES ($1, $2, $3, 201, $4, now(), now())`;
const GIFT = `INSERT INTO donations (id, campaign_id, donor_key, donor_name, donor_email, messaging_consent, anonymous, amount_cents, currency,
    provider, method, payment, status, created_at, expires_at)
  SELECT $1, id, $3, $4, $5, false, false, $6, 'BRL', 'sandbox', $7, $8, 'pending', now(), now() + interval '1 hour'
    FROM campaigns WHERE id = $2 AND status = 'active'`;

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Giving by hand, for comparison: the same rows in one transaction, and kept answers from Redis. */
export function giving(app: FastifyInstance, db: pg.Pool, redis: Redis): void {
  app.post<{ Body: Gift; Params: { id: string } }>('/give/:id', async ({ body, params, headers }, reply) => {
    const { amountCents, method, donor } = body;
    const key = headers['idempotency-key'];
    if (typeof key !== 'string' || !(amountCents >= 100)) return reply.status(422).send({ code: 'validation_failed' });
    const id = newId();
    const payment = { method, clientSecret: `sandbox_${id}`, expiresAt: new Date(Date.now() + 3_600_000) };
    const answer = JSON.stringify({
      id,
      status: 'pending',
      amountCents,
      currency: 'BRL',
      payment,
      statusToken: digest(id).toString('base64url'),
    });
    const client = await db.connect();
    try {
      await client.query('BEGIN');
      await client.query({ name: 'answer', text: ANSWER, values: [digest(key + params.id), digest(JSON.stringify(body)), id, answer] });
      const donor_key = digest(donor.email).toString('hex').slice(0, 32);
      const values = [id, params.id, donor_key, donor.name, donor.email, amountCents, method, JSON.stringify(payment)];
      await client.query({ name: 'gift', text: GIFT, values });
      await client.query('COMMIT');
    } finally {
      client.release();
    }
    return reply.status(201).type('application/json; charset=utf-8').send(answer);
  });

  app.post<{ Params: { name: string }; Body: object }>('/keep/:name', async ({ params, body }) => {
    await redis.set(`bare:${params.name}`, JSON.stringify(body));
    return {};
  });
  app.get<{ Params: { name: string } }>('/kept/:name', async ({ params }, reply) =>
    reply.type('application/json; charset=utf-8').send(await redis.getBuffer(`bare:${params.name}`)),
  );
}
