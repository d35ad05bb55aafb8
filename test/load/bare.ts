import fastify from 'fastify';
import { Redis } from 'ioredis';
import { page } from './page.js';

/** A hand-written server for comparison: no limits, no log, no checks. */
const [address = ''] = process.argv.slice(2);
const redis = new Redis(address.replace(/^unix:\/\//, ''));
await redis.set('bare-page', JSON.stringify(page));
const app = fastify();
app.get('/trivial', async () => ({ ok: true }));
app.get('/page', async (_request, reply) => {
  const bytes = await redis.getBuffer('bare-page');
  return reply.type('application/json; charset=utf-8').send(bytes);
});
process.send?.(await app.listen({ port: 0, host: '127.0.0.1' }));
