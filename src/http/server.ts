import type { IncomingHttpHeaders } from 'node:http';
import { Server } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { newId } from '../kernel/ids.js';
import { pause } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import type { Readiness } from './readiness.js';

const safeRequestId = /^[\w.:-]{1,64}$/;
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
// Longer than the proxy's in front, so that it is never this side that closes under a request.
const KEEP_ALIVE_MS = 75_000;
const BODY_BYTES = 1_048_576;

export function createServer(log: Log): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_BYTES,
    connectionTimeout: 0,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { headersTimeout: HEADERS_MS, connectionsCheckingInterval: 2_000 },
    genReqId: (request: { headers: IncomingHttpHeaders }) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && safeRequestId.test(given) ? given : newId();
    },
    forceCloseConnections: false,
    return503OnClosing: false,
    // Slow requests are Fastify's own words; ours is one line a request.
    logger: false,
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const facts = {
      requestId: request.id,
      method: request.method,
      path,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
    };
    // Probes ask every few seconds for ever; what they find is told by what they ask.
    if (path.startsWith('/health')) log.debug(facts, 'request');
    else log.info(facts, 'request');
    done();
  });
  return adapter;
}

const LOOK_MS = 50;
/** Clients on a kept connection hear with their next answer that it closes; after this time the idle ones are closed. */
const TELL_MS = 1_000;
const FINISH_MS = 5_000;

/**
 * Ends serving without failing a request: answers carry `Connection: close` while connections are still
 * accepted, then nothing new is accepted, what runs is finished, and only idle connections are closed.
 */
export async function drain(fastify: FastifyInstance, readiness: Readiness): Promise<void> {
  readiness.close();
  const { server } = fastify;
  const open = () => new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));
  if ((await open()) > 0) await pause(TELL_MS);
  // A connection that came in with this turn of the loop has been accepted; the next finds the door closed.
  await new Promise((resolve) => setImmediate(resolve));
  // The plain socket server's way to close: http's own would cut idle connections at once.
  Server.prototype.close.call(server);
  const last = performance.now() + FINISH_MS;
  while ((await open()) > 0 && performance.now() < last) {
    server.closeIdleConnections();
    await pause(LOOK_MS);
  }
  server.closeAllConnections();
}

export function closeWhileDraining(fastify: FastifyInstance, readiness: Readiness): void {
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    if (readiness.draining) reply.header('connection', 'close');
    done();
  });
}
