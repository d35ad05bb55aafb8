import { z } from 'zod';
import type { RouteWords } from '../http/says.js';

const group = 'Health';

const live = z.object({ status: z.literal('ok') });
const unready = z.object({ status: z.literal('error'), reasons: z.array(z.string()) });
const part = z.looseObject({ status: z.enum(['up', 'down']), message: z.string().optional() });
const parts = z.record(z.string(), part);
const report = z
  .object({
    status: z.enum(['ok', 'degraded', 'error']),
    info: parts,
    error: parts,
    details: parts,
    uptimeSeconds: z.int(),
    version: z.string(),
    memory: z.object({ residentBytes: z.int(), heapUsedBytes: z.int() }),
    connections: z.object({ open: z.int(), idle: z.int(), waiting: z.int(), most: z.int() }),
    cache: z.looseObject({ status: z.enum(['up', 'down']) }),
  })
  .meta({ id: 'HealthReport' });

export const healthWords: Record<'full' | 'live' | 'ready' | 'metrics', RouteWords> = {
  full: {
    group,
    summary: 'The whole system, part by part',
    detail: 'For people. `degraded` still answers 200: something is missing that requests can do without.',
    answers: {
      200: { says: 'It serves, maybe with less.', shape: report },
      503: { says: 'It cannot serve: its database is away.', shape: report },
    },
  },
  live: {
    group,
    summary: 'Whether this process turns',
    answers: { 200: { says: 'It does.', shape: live, example: { status: 'ok' } } },
  },
  ready: {
    group,
    summary: 'Whether this process wants traffic',
    detail: 'For load balancers.',
    answers: {
      200: { says: 'It does.', shape: live, example: { status: 'ok' } },
      503: { says: 'It does not, and says why.', shape: unready },
    },
  },
  metrics: {
    group,
    summary: 'What all processes measured, for Prometheus',
    detail:
      'Answers whoever asks on this very machine without a proxy between, the addresses of METRICS_ALLOW, admins, and their keys of scope `metrics`. Whichever process is asked tells of all of them.',
    answers: { 200: { says: 'The text format 0.0.4.', shape: z.string(), type: 'text/plain' } },
  },
};
