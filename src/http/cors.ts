import type { FastifyReply, FastifyRequest } from 'fastify';

const PREFLIGHT_SECONDS = 600;
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';

/**
 * Tells browsers on whose pages our answers may be read, and answers `true` to their question before a request.
 * Own, as the usual plugin answers before anything else does: uncounted, without request id, and other OPTIONS with 400.
 */
export function corsOf(origins: readonly string[]): ((request: FastifyRequest, reply: FastifyReply) => boolean) | undefined {
  if (origins.length === 0) return undefined;
  const known = new Set(origins);
  return ({ method, headers }, reply) => {
    reply.header('vary', 'Origin');
    const { origin } = headers;
    if (origin === undefined || !known.has(origin)) return false;
    reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', '*');
    if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return false;
    reply
      .header('vary', 'Origin, Access-Control-Request-Headers')
      .header('access-control-allow-methods', METHODS)
      .header('access-control-allow-headers', headers['access-control-request-headers'] ?? 'Authorization, Content-Type')
      .header('access-control-max-age', PREFLIGHT_SECONDS);
    return true;
  };
}
