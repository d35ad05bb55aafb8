import { z } from 'zod';
import { pagedShape } from '../http/lists.js';
import type { RouteWords } from '../http/says.js';
import { alertShape, type AlertView } from './alerts/alerts.dto.js';
import { scalingShape, type ScalingView } from './scaling.dto.js';

const group = 'Operating';

const alert: AlertView = {
  ...{ id: '01a22a16-428b-72d2-b26f-3f2403136c2c', rule: 'error_rate', says: 'More than 1 % of requests fail, for 1 minute' },
  ...{ status: 'firing', value: 0.043, threshold: 0.01, instance: null, firedAt: '2026-11-30T12:00:00Z', resolvedAt: null },
};

const scaling: ScalingView = {
  at: '2026-11-30T12:00:05Z',
  workers: { instances: 1, processes: 5, silent: 0, byInstance: [{ instance: 'api1:17', role: 'all', version: '0.1.0', processes: 5 }] },
  requestsPerSecond: 212.4,
  latency: { p50Ms: 5, p95Ms: 25, p99Ms: 100 },
  errorRate: 0.0004,
  eventLoop: { lateMs: 3 },
  pool: { open: 50, idle: 41, most: 250, waiting: 0, serverTaken: 0.26 },
  cache: { hitsPerSecond: 148.2, hitRatio: 0.91 },
  limiter: { passedPerSecond: 201.3, refusedPerSecond: 0.2 },
  queues: [],
  alerts: [alert],
  hardware: {
    ...{ cores: 4, memoryBytes: 8_589_934_592, from: { cores: 'container', memory: 'container' } },
    derived: { workersAuto: 4, because: 'cores', workers: 4, memoryCeilingBytes: 1_288_490_188, poolPerProcess: 50 },
    ...{ cpu: 0.21, memory: 0.38 },
  },
  headroom: {
    ...{ sustainableRequestsPerSecond: 790, first: 'cpu' },
    limits: [
      { resource: 'cpu', requestsPerSecond: 790 },
      { resource: 'processes', requestsPerSecond: 1_010 },
      { resource: 'pool', requestsPerSecond: 4_720 },
      { resource: 'memory', requestsPerSecond: null },
      { resource: 'connections', requestsPerSecond: null },
    ],
    ...{ users: 7_900, requestsPerUserPerMinute: 6, basis: 'measured' },
  },
};

export const opsWords: Record<'invalidate' | 'alerts' | 'scaling' | 'scalingStream', RouteWords> = {
  invalidate: {
    group,
    summary: 'Drop kept answers',
    detail:
      'By the tags that they were kept under: `tags` names them, `prefix` means every tag that begins like this, such as `campaign:`, and `all: true` every tag there is. Exactly one of the three. Nothing of it is served any more after two seconds, in any process, also where Redis does not answer.',
    body: { tags: ['plans'] },
    answers: {
      200: {
        says: 'They are dropped. `removed` counts tags: those named, or those found that began so; without Redis only what this process held.',
        shape: z.object({ removed: z.int() }).meta({ id: 'CacheInvalidated' }),
      },
    },
  },
  alerts: {
    group,
    summary: 'List alerts',
    detail:
      'Firing and past ones, newest first; `status` chooses. Five rules are judged over all instances: `cpu`, `memory`, `database_connections`, `error_rate`, `response_time`. Of each one fires at most; people are told once when it fires and once when it is over.',
    answers: {
      200: {
        says: 'A page of them.',
        shape: pagedShape(alertShape),
        example: { items: [alert], nextCursor: null, total: 1, page: 1, limit: 20 },
      },
    },
  },
  scaling: {
    group,
    summary: 'Show how the system fares and what it bears',
    detail:
      'Of all instances, at most ten seconds old, whichever is asked: rates and durations of the last minute; `hardware` is that of the instance that answers, with what was derived from it. `headroom` tells how many requests a second are borne before the first resource is at its ceiling (80 % of processors and connections, 85 % of memory), which one that is, and for how many people this is enough. It is `measured` from what the requests of the last minute cost; where fewer than 200 came, it is `assumed`.',
    answers: { 200: { says: 'How it fares.', shape: scalingShape, example: scaling } },
  },
  scalingStream: {
    group,
    summary: 'Watch how the system fares',
    detail:
      'The same every five seconds as events `scaling`; `error` where the database does not tell. It ends when this process stops: connect again.',
    answers: { 200: { says: 'Events.', shape: z.string(), type: 'text/event-stream' } },
  },
};
