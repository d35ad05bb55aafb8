import type { FastifyRequest } from 'fastify';

/** Whether a page of ours sent it. A browser always says; who is none has the API. */
export function isFromHere({ headers }: FastifyRequest, ownOrigin: string): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin } = headers;
  if (origin === undefined || !URL.canParse(origin)) return false;
  return origin === ownOrigin || new URL(origin).host === headers.host;
}
