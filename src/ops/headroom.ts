/** What one request costs and how much of each resource there is. */
export interface Load {
  requestsPerSecond: number;
  requests: number;
  /** Seconds of processors that our processes used for these requests. */
  cpuSeconds: number;
  /** Cores of all instances, and processes that answer, of which each uses one at most. */
  cores: number;
  processes: number;
  /** Part of the cores that is busy, whoever uses them. */
  cpu: number;
  memory: number;
  pool: { busy: number; most: number };
  /** Part of the server's connections that is taken. */
  connections: number;
}

export type Resource = 'cpu' | 'processes' | 'pool' | 'memory' | 'connections';

export interface Headroom {
  /** What the whole system bears before something gives way. */
  sustainableRequestsPerSecond: number;
  first: Resource;
  limits: { resource: Resource; requestsPerSecond: number | null }[];
  users: number;
  requestsPerUserPerMinute: number;
  basis: 'measured' | 'assumed';
}

/** Fewer say nothing of what one costs. */
const LEAST_REQUESTS = 200;
/** No request costs less; of some a clock shows nothing. */
const LEAST_CPU_SECONDS = 1e-5;
/** A mixed request with limiter, log and figures: half of what a full second of the benchmark of 2 cores gave, to be on the safe side. */
const ASSUMED_CPU_SECONDS = 0.0005;
/** How long a request of which nothing was measured holds a connection. */
const ASSUMED_POOL_SECONDS = 0.004;
const MOST_CPU = 0.8;
const MOST_MEMORY = 0.85;
const MOST_POOL = 0.8;
/** Somebody who reads, looks around and gives asks this often. */
const PER_USER_PER_MINUTE = 6;

/** How many requests a second each resource bears at its ceiling, and which one is the least. */
export function headroomOf(load: Load): Headroom {
  const measured = load.requests >= LEAST_REQUESTS && load.cpuSeconds > 0;
  const cpuEach = measured ? Math.max(LEAST_CPU_SECONDS, load.cpuSeconds / load.requests) : ASSUMED_CPU_SECONDS;
  const poolEach = measured && load.requestsPerSecond > 0 ? load.pool.busy / load.requestsPerSecond : ASSUMED_POOL_SECONDS;
  // What others use of the machine is not ours to spend.
  const others = Math.max(0, load.cpu * load.cores - cpuEach * load.requestsPerSecond);
  const cpu = Math.max(0, MOST_CPU * load.cores - others) / cpuEach;
  const limits: { resource: Resource; requestsPerSecond: number | null }[] = [
    { resource: 'cpu', requestsPerSecond: cpu },
    { resource: 'processes', requestsPerSecond: (MOST_CPU * load.processes) / cpuEach },
    { resource: 'pool', requestsPerSecond: poolEach > 0 ? (MOST_POOL * load.pool.most) / poolEach : null },
    // These do not grow with each request; where they are at their ceiling, no more is borne than comes now.
    { resource: 'memory', requestsPerSecond: load.memory > MOST_MEMORY ? load.requestsPerSecond : null },
    { resource: 'connections', requestsPerSecond: load.connections > MOST_POOL ? load.requestsPerSecond : null },
  ];
  const rounded = limits.map(({ resource, requestsPerSecond }) => ({
    resource,
    requestsPerSecond: requestsPerSecond === null ? null : Math.floor(requestsPerSecond),
  }));
  const least = rounded.reduce((most, one) => ((one.requestsPerSecond ?? Infinity) < (most.requestsPerSecond ?? Infinity) ? one : most));
  const sustainable = least.requestsPerSecond ?? 0;
  return {
    sustainableRequestsPerSecond: sustainable,
    first: least.resource,
    limits: rounded,
    users: Math.floor((sustainable * 60) / PER_USER_PER_MINUTE),
    requestsPerUserPerMinute: PER_USER_PER_MINUTE,
    basis: measured ? 'measured' : 'assumed',
  };
}
