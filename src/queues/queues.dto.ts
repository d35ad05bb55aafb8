import { z } from 'zod';
import { pagedQuery } from '../http/lists.js';
import { etaOf, type Lately, paceOf, type QueueFigures } from '../outbox/queues.service.js';

/** There are so few that they go on one page, unless somebody wants fewer. */
export const queuesQuery = z.object({ page: pagedQuery.page, limit: pagedQuery.limit });
export type QueuesQuery = z.output<typeof queuesQuery>;

export const queueShape = z
  .object({
    ...{ name: z.string(), paused: z.boolean(), why: z.string().nullable() },
    ...{ waiting: z.int(), later: z.int(), running: z.int(), failed: z.int(), unknown: z.int().optional() },
    ...{ oldestSeconds: z.number(), perSecond: z.number() },
    waitSeconds: z.object({ p50: z.number().nullable(), p95: z.number().nullable() }),
    etaSeconds: z.int().nullable(),
  })
  .meta({ id: 'Queue' });
export type QueueView = z.output<typeof queueShape>;

const rounded = (value: number, digits: number) => Number(value.toFixed(digits));

export function queueOf(figures: QueueFigures, lately: Lately = { ended: 0, waits: null }): QueueView {
  const { queue, paused, why, waiting, later, running, dead, unknown, oldestSeconds } = figures;
  const seconds = (wait: number | null | undefined) => (typeof wait === 'number' ? rounded(wait, 3) : null);
  return {
    ...{ name: queue, paused, why, waiting, later, running, failed: dead },
    ...(unknown !== undefined && { unknown }),
    oldestSeconds: rounded(oldestSeconds, 1),
    perSecond: rounded(paceOf(lately), 3),
    waitSeconds: { p50: seconds(lately.waits?.[0]), p95: seconds(lately.waits?.[1]) },
    etaSeconds: etaOf(figures, lately),
  };
}
