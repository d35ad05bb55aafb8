import fastify from 'fastify';

/** A hand-written server for comparison. */
const app = fastify();
app.get('/trivial', async () => ({ ok: true }));
process.send?.(await app.listen({ port: 0, host: '127.0.0.1' }));
