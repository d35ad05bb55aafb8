import fastify from 'fastify';
import { Pool } from 'undici';

/** Passes questions on to a provider, and gives one answer that it has: no sign-in, no budget, no checks. */
const [provider = '', kept = ''] = process.argv.slice(2);
const { origin, pathname } = new URL(provider);
const pool = new Pool(origin, { connections: 50 });
const app = fastify();
app.post('/v1/chat/completions', async (request, reply) => {
  const { headers, body } = await pool.request({
    path: `${pathname}/chat/completions`,
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: request.headers.authorization },
    body: JSON.stringify(request.body),
  });
  reply.type(String(headers['content-type']));
  return body;
});
const bytes = Buffer.from(kept);
app.post('/kept', async (_request, reply) => reply.type('application/json; charset=utf-8').send(bytes));
process.send?.(await app.listen({ port: 0, host: '127.0.0.1' }));
