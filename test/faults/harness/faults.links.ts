import type { Manner } from '../../support/fault-proxy.js';
import { breakLinks, oneOf } from './broken-links.js';
import { everything, fault, type Fault, type Ground, type Heal } from './fault.js';
import type { Linked } from './site.js';

const POSTGRES: readonly Linked[] = ['postgres'];
const REDIS: readonly Linked[] = ['queue', 'cache'];

/** All links to these are so, of both instances or of one by chance, until they are well again. */
const badly =
  (to: readonly Linked[], manner: Manner, { one = false } = {}) =>
  ({ site, draw, note }: Ground): Promise<Heal> => {
    const of = one ? [oneOf(site.links, draw)] : site.links;
    return breakLinks(
      of.flatMap((own) => to.map((name) => own[name])),
      manner,
      note,
    );
  };
const refusedInTime = 'everyone is refused in time, with when to come again; nothing that was acknowledged is lost';
const notNoticed = 'nobody notices';

export const linkFaults: Fault[] = [
  fault({
    name: 'nothing passes to PostgreSQL for 8 s',
    promise: refusedInTime,
    ...{ seconds: 8, spares: ['live'], backSeconds: 10, mixes: true },
    inject: badly(POSTGRES, 'black hole'),
  }),
  fault({
    name: 'nothing passes to PostgreSQL from one instance for 8 s',
    promise: 'whom it would have served is refused in time, with when to come again',
    ...{ seconds: 8, spares: ['live'], backSeconds: 10, mixes: true },
    inject: badly(POSTGRES, 'black hole', { one: true }),
  }),
  fault({
    name: 'all to and from PostgreSQL is 50 ms late for 8 s',
    promise: 'everything is answered, later',
    ...{ seconds: 8, spares: everything, p95Ms: 2_000, backSeconds: 1, mixes: true },
    inject: badly(POSTGRES, { latencyMs: 50 }),
  }),
  fault({
    name: 'each connection to PostgreSQL carries 30 kB a second for 8 s',
    promise: 'everything is answered, later',
    ...{ seconds: 8, spares: everything, p95Ms: 2_000, backSeconds: 3 },
    inject: badly(POSTGRES, { bytesPerSecond: 30_000 }),
  }),
  fault({
    name: 'connections to PostgreSQL are reset for 4 s',
    promise: refusedInTime,
    ...{ seconds: 4, spares: ['live'], backSeconds: 5, mixes: true },
    inject: badly(POSTGRES, 'reset'),
  }),
  fault({
    name: 'connections to PostgreSQL are half-closed for 4 s',
    promise: refusedInTime,
    ...{ seconds: 4, spares: ['live'], backSeconds: 5 },
    inject: badly(POSTGRES, 'half-close'),
  }),
  fault({
    name: 'nothing passes to Redis for 8 s',
    promise: notNoticed,
    ...{ seconds: 8, spares: everything, backSeconds: 1, mixes: true },
    inject: badly(REDIS, 'black hole'),
  }),
  fault({
    name: 'all to and from Redis is 100 ms late for 8 s',
    promise: notNoticed,
    ...{ seconds: 8, spares: everything, backSeconds: 1, mixes: true },
    inject: badly(REDIS, { latencyMs: 100 }),
  }),
  ...(['queue', 'cache'] as const).flatMap((name) => {
    const whose = name === 'queue' ? 'queues' : 'caches';
    return [
      fault({
        name: `nothing passes to Redis of the ${whose} alone for 8 s`,
        promise: notNoticed,
        ...{ seconds: 8, spares: everything, backSeconds: 1, mixes: true },
        inject: badly([name], 'black hole'),
      }),
      fault({
        name: `all to and from Redis of the ${whose} alone is 100 ms late for 8 s`,
        promise: notNoticed,
        ...{ seconds: 8, spares: everything, backSeconds: 1, mixes: true },
        inject: badly([name], { latencyMs: 100 }),
      }),
    ];
  }),
  fault({
    name: 'connections to Redis are reset for 4 s',
    promise: notNoticed,
    ...{ seconds: 4, spares: everything, backSeconds: 1, mixes: true },
    inject: badly(REDIS, 'reset'),
  }),
  fault({
    name: 'connections to Redis are half-closed for 4 s',
    promise: notNoticed,
    ...{ seconds: 4, spares: everything, backSeconds: 1 },
    inject: badly(REDIS, 'half-close'),
  }),
];
