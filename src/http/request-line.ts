import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { scrub } from '../observability/hiding.js';
import type { Log } from '../observability/log.js';
import { withoutSecrets } from './secret-paths.js';

/** The one line that a request leaves in the log, and what is counted of it. */
export function tellRequest(
  log: Log,
  request: FastifyRequest,
  reply: FastifyReply,
  status = reply.statusCode,
  requests = request.server.requests,
): void {
  const path = pathOf(request);
  const ms = reply.elapsedTime;
  requests.end(request, status, ms);
  // Probes ask every few seconds for ever; what they find is told by what they ask.
  log.request(isProbe(path) ? 'debug' : 'info', {
    requestId: request.id,
    traceId: request.trace.traceId,
    method: request.method,
    path,
    status,
    ms: Math.round(ms * 10) / 10,
  });
}

/** What machines ask for ever, and is answered whatever else goes on. */
export const isProbe = (path: string): boolean => path.startsWith('/health') || path === '/metrics';

/** Whether the client went away in the middle of its request, before which nothing else is begun. */
export const isGone = ({ destroyed, complete }: IncomingMessage): boolean => destroyed && !complete;

/** The route, not its values: these are ids, addresses and secrets. What met no route is looked through. */
function pathOf({ route, url }: FastifyRequest): string {
  if (route.url) return route.url;
  if (url === UNREADABLE) return '[unreadable]';
  return scrub(withoutSecrets(decodeURIComponent(url.split('?', 1)[0] ?? ''))).replaceAll(/\+?\d{8,}/g, '[hidden]');
}

/** Where an address leads that is none. Nobody can ask for it: a blank ends an address. */
export const UNREADABLE = '/not readable';

/**
 * What was asked for, as every part of the edge knows it: what is written as a whole address is brought down to its
 * path, so that there is one name for one thing. A fragment is nobody's to send.
 */
export function targetOf(url: string): string {
  const target = WHOLE.test(url) ? pathWithin(url) : url;
  return target !== undefined && !target.includes('#') && isReadable(target) ? target : UNREADABLE;
}

const WHOLE = /^https?:/i;
const AUTHORITY = /^https?:\/\/[^/?#]+/i;

// Not as the parser of addresses writes it, which would resolve dots that nobody may send past a guard.
const pathWithin = (url: string): string | undefined => {
  const authority = URL.canParse(url) ? AUTHORITY.exec(url)?.[0] : undefined;
  return authority && `/${url.slice(authority.length).replace(/^\//, '')}`;
};

function isReadable(url: string): boolean {
  if (!url.includes('%')) return true;
  if (url.includes('%00')) return false;
  try {
    decodeURIComponent(url.split('?', 1)[0] ?? '');
    return true;
  } catch {
    return false;
  }
}
