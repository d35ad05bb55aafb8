import fastify from 'fastify';
import { Redis } from 'ioredis';
import pg from 'pg';
import { giving } from './bare-donations.js';
import { paid } from './bare-payments.js';
import { people } from './bare-people.js';
import { page } from './page.js';

/** A hand-written server for comparison: no limits, no log, no checks but those of who asks. */
const [databaseUrl = '', redisUrl = ''] = process.argv.slice(2);
const db = new pg.Pool({ connectionString: databaseUrl, max: 20 });
const redis = new Redis(redisUrl.replace(/^unix:\/\//, ''));
await redis.set('bare-page', JSON.stringify(page));
const app = fastify();
app.get('/trivial', async () => ({ ok: true }));
app.get('/page', async (_request, reply) => {
  const bytes = await redis.getBuffer('bare-page');
  return reply.type('application/json; charset=utf-8').send(bytes);
});
await people(app, db, redis);
giving(app, db, redis);
paid(app, db);
process.send?.(await app.listen({ port: 0, host: '127.0.0.1' }));
