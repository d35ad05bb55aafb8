import { createHash, createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';
import { verify } from '@node-rs/argon2';
import type { FastifyInstance } from 'fastify';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { newId } from '../../src/kernel/ids.js';

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const head = part({ alg: 'HS256', typ: 'JWT' });

/** The people of the product by hand, for comparison: one look, one check, one row at sign-in; a signature and a kept profile after it. */
export async function people(app: FastifyInstance, db: pg.Pool, redis: Redis): Promise<void> {
  const key = createSecretKey(randomBytes(32));
  await db.query(`CREATE TABLE IF NOT EXISTS bare_users (id uuid PRIMARY KEY, email text UNIQUE, hash text, profile jsonb);
  CREATE TABLE IF NOT EXISTS bare_sessions (id uuid PRIMARY KEY, user_id uuid, digest bytea, expires_at timestamptz)`);
  await db.query(`INSERT INTO bare_users SELECT id, email, password_hash, jsonb_build_object('email', email, 'name', name, 'role', role,
      'plan', plan_id, 'phone', phone, 'messagingConsent', messaging_consent, 'createdAt', created_at)
    FROM users WHERE password_hash IS NOT NULL ON CONFLICT DO NOTHING`);

  const mac = (text: string) => createHmac('sha256', key).update(text).digest();

  function ownerOf(header = ''): string | undefined {
    const [first, body = '', proof = ''] = header.slice('Bearer '.length).split('.');
    const given = Buffer.from(proof, 'base64url');
    if (first !== head || given.length !== 32 || !timingSafeEqual(given, mac(`${first}.${body}`))) return undefined;
    const { sub, exp } = JSON.parse(Buffer.from(body, 'base64url').toString()) as { sub: string; exp: number };
    return exp > Date.now() / 1_000 ? sub : undefined;
  }

  app.post<{ Body: { email: string; password: string } }>('/login', async (request, reply) => {
    const { rows } = await db.query<{ id: string; hash: string }>({
      name: 'look',
      text: 'SELECT id, hash FROM bare_users WHERE email = $1',
      values: [request.body.email.toLowerCase()],
    });
    const [found] = rows;
    if (!found || !(await verify(found.hash, request.body.password))) return reply.status(401).send({ code: 'invalid_credentials' });
    const refreshToken = randomBytes(32).toString('base64url');
    await db.query({
      name: 'open',
      text: `INSERT INTO bare_sessions VALUES ($1, $2, $3, now() + interval '30 days')`,
      values: [newId(), found.id, createHash('sha256').update(refreshToken).digest()],
    });
    const signed = `${head}.${part({ sub: found.id, exp: Math.floor(Date.now() / 1_000) + 900 })}`;
    return { accessToken: `${signed}.${mac(signed).toString('base64url')}`, refreshToken };
  });

  app.get('/me', async (request, reply) => {
    const id = ownerOf(request.headers.authorization);
    if (id === undefined) return reply.status(401).send({ code: 'unauthenticated' });
    const kept = await redis.getBuffer(`bare:${id}`);
    if (kept) return reply.type('application/json; charset=utf-8').send(kept);
    const { rows } = await db.query<{ profile: object }>('SELECT profile FROM bare_users WHERE id = $1', [id]);
    await redis.set(`bare:${id}`, JSON.stringify(rows[0]?.profile), 'EX', 1_800);
    return rows[0]?.profile;
  });
}
