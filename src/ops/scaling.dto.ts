import { z } from 'zod';
import { queueShape } from '../queues/queues-desk.service.js';
import { alertShape } from './alerts/alerts.dto.js';

const resource = z.enum(['cpu', 'processes', 'pool', 'memory', 'connections']);

export const scalingShape = z
  .object({
    at: z.iso.datetime(),
    workers: z.object({
      instances: z.int(),
      processes: z.int(),
      silent: z.int(),
      byInstance: z.array(z.object({ instance: z.string(), role: z.string(), version: z.string(), processes: z.int() })),
    }),
    requestsPerSecond: z.number(),
    latency: z.object({ p50Ms: z.int(), p95Ms: z.int(), p99Ms: z.int() }),
    errorRate: z.number(),
    eventLoop: z.object({ lateMs: z.int() }),
    pool: z.object({ open: z.int(), idle: z.int(), most: z.int(), waiting: z.int(), serverTaken: z.number() }),
    cache: z.object({ hitsPerSecond: z.number(), hitRatio: z.number().nullable() }),
    limiter: z.object({ passedPerSecond: z.number(), refusedPerSecond: z.number() }),
    queues: z.array(queueShape),
    alerts: z.array(alertShape),
    hardware: z.object({
      cores: z.number(),
      memoryBytes: z.number(),
      from: z.object({ cores: z.enum(['container', 'machine']), memory: z.enum(['container', 'machine']) }),
      derived: z.object({
        workersAuto: z.int(),
        because: z.enum(['cores', 'memory']),
        workers: z.int(),
        memoryCeilingBytes: z.int(),
        poolPerProcess: z.int(),
      }),
      cpu: z.number(),
      memory: z.number(),
    }),
    headroom: z.object({
      sustainableRequestsPerSecond: z.int(),
      first: resource,
      limits: z.array(z.object({ resource, requestsPerSecond: z.int().nullable() })),
      users: z.int(),
      requestsPerUserPerMinute: z.int(),
      basis: z.enum(['measured', 'assumed']),
    }),
  })
  .meta({ id: 'Scaling' });
export type ScalingView = z.output<typeof scalingShape>;
