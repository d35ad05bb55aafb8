import type { FastifyRequest } from 'fastify';
import type { RoutePolicy } from '../http/policy.js';
import { CAMPAIGNS_TAG, campaignTag } from './campaigns.service.js';

/** In seconds. */
export const HOUR = 3_600;

const kept = (seconds: number, tags: (request: FastifyRequest) => string[], query?: readonly string[]): RoutePolicy => ({
  access: 'public',
  pace: 'browse',
  cache: { seconds, audience: 'everyone', tags, query },
});

/** What is made of many campaigns. */
export const keptOfAll = (...query: string[]): RoutePolicy => kept(HOUR, () => [CAMPAIGNS_TAG], query);

/** What is made of the one in the address. */
export const keptOfOne = (seconds: number, ...query: string[]): RoutePolicy =>
  kept(seconds, ({ params }) => [campaignTag((params as { id: string }).id)], query);

export const organizers = { access: 'organizer', pace: 'browse' } as const;
export const admins = { access: 'admin', pace: 'browse' } as const;
