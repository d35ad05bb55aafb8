import { z } from 'zod';
import { sliceShape } from '../http/lists.js';
import type { RouteWords } from '../http/says.js';
import { nameShape } from './users.dto.js';

const group = 'People';
const MOST = 1_000_000_000;
const MOST_USD = 1_000_000;

/** `null`: as the configuration has it for everyone; 0 switches a rate off, and gives no tokens. */
const figure = z.int().min(0).max(MOST).nullable();

export const planShape = z
  .strictObject({
    name: nameShape,
    dailyTokens: figure,
    dailyUsd: z.number().min(0).max(MOST_USD).nullable().optional(),
    requestsPerMinute: figure,
    costlyPerMinute: figure,
  })
  .meta({ id: 'PlanChange' });
export type PlanBody = z.output<typeof planShape>;

const shownShape = planShape.extend({ id: z.string(), dailyUsd: z.number().nullable() }).meta({ id: 'Plan' });

export const plansWords: Record<'list' | 'change', RouteWords> = {
  list: {
    group,
    summary: 'The plans',
    detail: '`null` is what holds for everyone. Kept for an hour, and dropped at a change.',
    answers: { 200: { says: 'All of them.', shape: sliceShape(shownShape) } },
  },
  change: {
    group,
    summary: 'Change a plan',
    detail: 'Holds within seconds for all who have it, in every process.',
    body: { name: 'Pro', dailyTokens: 500_000, dailyUsd: 2.5, requestsPerMinute: 1_200, costlyPerMinute: 120 },
    answers: { 200: { says: 'The plan as it is now.', shape: shownShape } },
  },
};
