import type { IncomingHttpHeaders } from 'node:http';
import type { Server } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest, onSendHookHandler, RouteOptions } from 'fastify';
import type { Config } from '../config/config.js';
import { newId } from '../kernel/ids.js';
import { pause } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { within as inTrace, type Trace } from '../observability/trace.js';
import { Answer, BODY_BYTES } from './answer.js';
import { admitOddities, refusesConnections } from './connection.js';
import { guardDepth } from './depth.js';
import type { Entrances } from './entrances.js';
import { readForms } from './forms.js';
import type { Readiness } from './readiness.js';
import { targetOf, tellRequest } from './request-line.js';
import { Requests } from './requests.js';
import { noteSecrets } from './secret-paths.js';
import { admitUploads } from './uploads.js';

declare module 'fastify' {
  interface FastifyRequest {
    trace: Trace;
    /** `routeOptions`, which are put together anew whenever they are asked for. */
    route: FastifyRequest['routeOptions'];
  }
}

const safeRequestId = /^[\w.:-]{1,64}$/;
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
// Longer than the proxy's in front, so that it is never this side that closes under a request.
const KEEP_ALIVE_MS = 75_000;
/** Meta tells up to three megabytes at once. */
const WEBHOOK_BODY_BYTES = 4 * BODY_BYTES;

export function createServer({ ENVIRONMENT }: Pick<Config, 'ENVIRONMENT'>, log: Log): FastifyAdapter {
  const requests = new Requests();
  const adapter = new FastifyAdapter({
    skipMiddie: true,
    bodyLimit: BODY_BYTES,
    connectionTimeout: 0,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { headersTimeout: HEADERS_MS, connectionsCheckingInterval: 2_000, requireHostHeader: false, ServerResponse: Answer },
    genReqId: (request: { headers: IncomingHttpHeaders }) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && safeRequestId.test(given) ? given : newId();
    },
    // So that it meets the hooks like any other, which Fastify's own way with it does not.
    rewriteUrl: ({ url = '' }) => targetOf(url),
    // A parameter longer than an address can be; final slashes as clients of the older API have them.
    routerOptions: { maxParamLength: 16_384, ignoreTrailingSlash: true },
    clientErrorHandler: refusesConnections(log, requests, ENVIRONMENT === 'production'),
    forceCloseConnections: false,
    return503OnClosing: false,
    // Slow requests are Fastify's own words; ours is one line a request.
    logger: false,
  });
  guardDepth(adapter, BODY_BYTES);
  readForms(adapter, BODY_BYTES);
  admitUploads(adapter);
  const fastify = adapter.getInstance<FastifyInstance>();
  admitOddities(fastify.server);
  fastify.decorateRequest('trace');
  fastify.decorateRequest('route');
  fastify.decorateRequest('text');
  fastify.decorateRequest('say');
  fastify.decorate('early', {});
  fastify.decorate('requests', requests);
  requests.watch(fastify.server);
  const routes: RouteOptions[] = [];
  fastify.addHook('onRoute', (route) => {
    noteSecrets(route.url);
    routes.push(route);
    if (route.config?.pace === 'webhook') route.bodyLimit = WEBHOOK_BODY_BYTES;
    if (route.method === 'HEAD') route.onSend = [...[route.onSend ?? []].flat(), withoutLength];
    // Not before the body has come, whose events belong to the connection.
    if (route.method !== 'GET' && route.method !== 'HEAD')
      route.preHandler = [
        ...(route.config?.early ? [answersEarly] : []),
        (request, _reply, done) => inTrace(request.trace, done),
        ...[route.preHandler ?? []].flat(),
      ];
  });
  // Those of Nest are looked at before; this knows all, and what the part that has them says of them later.
  fastify.addHook('onReady', (done) => {
    const open = routes.filter(({ config }) => config?.access === undefined).map(({ method, url }) => `${String(method)} ${url}`);
    done(open.length > 0 ? new Error(`routes without a policy: ${open.join(', ')}`) : undefined);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    tellRequest(log, request, reply, reply.statusCode, requests);
    done();
  });
  return adapter;
}

function answersEarly(this: FastifyInstance, request: FastifyRequest, reply: FastifyReply, done: (fault?: Error) => void): void {
  if (this.early.by) this.early.by(request, reply, done);
  else done();
}

/** Fastify takes the body that is left out of a 304 for an empty one. */
const withoutLength: onSendHookHandler = (_request, reply, payload, done) => {
  if (reply.statusCode === 304) reply.removeHeader('content-length');
  done(null, payload);
};

const LOOK_MS = 50;
/** Time for whoever balances the load to hear that this process is not ready. */
const TELL_MS = 1_000;
const QUIET_MS = 50;
const HOLD_AT_MOST_MS = 1_500;
/** Time in which a kept connection may still bring the request that is under way. */
const LAST_REQUEST_MS = 1_000;
const FINISH_MS = 5_000;

/** As long as an answer of AI may take, and a little more. */
export const LONGEST_MS = 305_000;

/**
 * Ends serving without failing a request; when `hurry` comes, what takes long is cut off. The door is closed before connections are: with the next answer
 * each client hears that its connection closes, and where it comes again it is refused, not cut off.
 */
export async function drain(
  fastify: FastifyInstance,
  entrances: Entrances,
  readiness: Readiness,
  doorClosed: () => Promise<void>,
  hurry: AbortSignal,
): Promise<void> {
  const { server } = fastify;
  readiness.drain();
  if ((await entrances.count()) > 0) await pause(TELL_MS);
  // Clients who wait for an answer do not connect. So for a moment nobody is answered, and the door
  // closes when all who came are in: a connection that the kernel took but we did not would be cut off.
  await readiness.hold(async () => {
    await quiet(server);
    entrances.close();
    readiness.close();
    await doorClosed();
  });
  const closed = performance.now();
  let until = closed + LONGEST_MS;
  const hasten = () => (until = performance.now() + FINISH_MS);
  if (hurry.aborted) hasten();
  else hurry.addEventListener('abort', hasten);
  while ((await entrances.count()) > 0 && performance.now() < until) {
    if (performance.now() > closed + LAST_REQUEST_MS) server.closeIdleConnections();
    await pause(LOOK_MS);
  }
  server.closeAllConnections();
}

/** Resolves when for a moment nobody has come. */
async function quiet(server: Server): Promise<void> {
  const last = performance.now() + HOLD_AT_MOST_MS;
  let came = true;
  const note = () => (came = true);
  server.on('connection', note);
  while (came && performance.now() < last) {
    came = false;
    await pause(QUIET_MS);
    await new Promise((resolve) => setImmediate(resolve));
  }
  server.off('connection', note);
}
