import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Entry } from './entry.js';
import type { Found } from './process.tier.js';

export const CACHE = 'mutirao';
const NEGOTIATED = 'Accept-Encoding';

/** Puts on what is sent besides the body, and gives the body; none where the client has it already. */
export function dress(request: FastifyRequest, reply: FastifyReply, entry: Entry, status?: string): Buffer | undefined {
  const { headers, etag, body } = entry.form(acceptsGzip(request.headers['accept-encoding']));
  const varies = reply.getHeader('vary');
  reply.headers(headers);
  reply.header('vary', varies === undefined ? NEGOTIATED : `${String(varies)}, ${NEGOTIATED}`);
  if (status !== undefined) reply.header('cache-status', status);
  const known = request.headers['if-none-match'];
  if (known === undefined || !names(known, etag)) return body;
  reply.status(304).removeHeader('content-encoding');
  return undefined;
}

export const hit = ({ entry, tier }: Found): string =>
  `${CACHE}; hit; ttl=${Math.max(0, Math.round((entry.head.expires - Date.now()) / 1_000))}; detail=${tier}`;

function acceptsGzip(accepted: string | string[] | undefined): boolean {
  if (accepted === undefined) return false;
  const named = /(?:^|,)\s*gzip\s*(;[^,]*)?(?:,|$)/i.exec(String(accepted));
  return named !== null && !/;\s*q=0(?:\.0*)?\s*(?:;|$)/i.test(named[1] ?? '');
}

/** Weakly, as the norm wants it; the packed form's tag names the same answer. */
const names = (known: string, etag: string): boolean =>
  known === '*' ||
  known.split(',').some(
    (one) =>
      one
        .trim()
        .replace(/^W\/|"/g, '')
        .replace(/-gzip$/, '') === etag,
  );
