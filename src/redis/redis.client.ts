import { Cluster, Redis, type CommonRedisOptions } from 'ioredis';
import { DeadlinePassed, within } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';

export type RedisClient = Redis | Cluster;

/** Redis did not answer in time or is not there; whoever asked goes on without it. */
export class RedisAway extends Error {
  override readonly name = 'RedisAway';
}

const FAILURES_TO_OPEN = 3;
const OPEN_MS = 500;
const RECONNECT_AT_MOST_MS = 1_000;
const SILENT_SOCKET_MS = 10_000;

const reconnect = (attempt: number) => Math.min(attempt * 50, RECONNECT_AT_MOST_MS) * (0.75 + Math.random() / 4);

/** Connects in the background, and again for ever; an error is told once per outage, never thrown. */
export function connectRedis(url: string, name: string, log: Log, options: CommonRedisOptions = {}): RedisClient {
  const common: CommonRedisOptions = {
    connectionName: `mutirao-${name}`,
    connectTimeout: 1_000,
    keepAlive: 10_000,
    socketTimeout: SILENT_SOCKET_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: reconnect,
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    ...options,
  };
  const client = open(url, common);
  let told = false;
  // A cluster's own error says less than that of the node it asked last.
  client.on('error', (error: Error & { lastNodeError?: Error }) => {
    if (!told) log.warn({ err: error.lastNodeError ?? error, redis: name }, 'redis is away');
    told = true;
  });
  client.on('ready', () => {
    if (told) log.info({ redis: name }, 'redis is back');
    told = false;
  });
  return client;
}

function open(url: string, options: CommonRedisOptions): RedisClient {
  if (url.startsWith('unix:')) return new Redis({ ...options, path: decodeURIComponent(url.replace(/^unix:\/\//, '')) });
  if (!url.startsWith('redis+cluster:')) return new Redis(url, options);
  const { nodes, username, password } = clusterAddress(url);
  const { retryStrategy, enableOfflineQueue, ...perNode } = options;
  return new Cluster(nodes, {
    redisOptions: { ...perNode, ...(password ? { username, password } : {}) },
    enableOfflineQueue,
    clusterRetryStrategy: retryStrategy,
    slotsRefreshTimeout: 1_000,
  });
}

/** What `redis+cluster://user:password@host:port,host:port` says. */
export function clusterAddress(url: string): { nodes: { host: string; port: number }[]; username: string; password: string } {
  const { username, password } = new URL(url.replace(/,[^/]*/, ''));
  const nodes = url
    .replace(/^redis\+cluster:\/\/([^@]*@)?/, '')
    .replace(/\/.*$/, '')
    .split(',')
    .map((node) => {
      const { hostname, port } = new URL(`redis://${node}`);
      return { host: hostname, port: Number(port || 6379) };
    });
  return { nodes, username: decodeURIComponent(username), password: decodeURIComponent(password) };
}

/**
 * The only way to ask Redis on behalf of a request: each call has a deadline, and after a few failures
 * in a row nobody waits at all for half a second, but for one call that finds out whether it is back.
 */
export class Gate<C> {
  private failures = 0;
  private openUntil = 0;
  private trying = false;
  private answeredAt = -Infinity;
  /** When it last did not answer what it was asked. */
  failedAt = -Infinity;

  constructor(
    readonly client: C,
    private readonly isReady: (client: C) => boolean,
    private readonly deadlineMs = 150,
  ) {}

  get away(): boolean {
    return !this.isReady(this.client) || performance.now() < this.openUntil;
  }

  /** It has just answered someone else. */
  answered(): void {
    this.failures = 0;
    this.openUntil = 0;
  }

  /** Where others were answered meanwhile it is there, and this one only stands in line: for a second time it is waited for. */
  private inTime<T>(work: Promise<T>): Promise<T> {
    const began = performance.now();
    return within(this.deadlineMs, 'redis', work).catch((fault: unknown) => {
      if (!(fault instanceof DeadlinePassed) || this.answeredAt <= began) throw fault;
      return within(this.deadlineMs, 'redis', work);
    });
  }

  async run<T>(work: (client: C) => Promise<T>): Promise<T> {
    const failing = this.failures >= FAILURES_TO_OPEN;
    if (this.away || (failing && this.trying)) throw new RedisAway('redis is away');
    if (failing) this.trying = true;
    try {
      const answer = await this.inTime(work(this.client));
      this.failures = 0;
      this.answeredAt = performance.now();
      return answer;
    } catch (cause) {
      if (!meansAway(cause)) throw cause;
      this.failures += 1;
      this.failedAt = performance.now();
      if (this.failures >= FAILURES_TO_OPEN) this.openUntil = performance.now() + OPEN_MS;
      throw new RedisAway('redis did not answer', { cause });
    } finally {
      if (failing) this.trying = false;
    }
  }
}

export class RedisGate extends Gate<RedisClient> {
  constructor(client: RedisClient, deadlineMs?: number) {
    super(client, ({ status }) => status === 'ready', deadlineMs);
  }
}

const noServer = /^(LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|READONLY) /;
// How the server's own words begin, whichever client passes them on.
const answered = /^[A-Z]{2,} /;

// An answer that says no is an answer, and a slip in our own code is ours; anything else means that the link or the server is gone.
function meansAway(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  if (cause instanceof TypeError || cause instanceof SyntaxError || cause instanceof RangeError || cause instanceof ReferenceError)
    return false;
  return !(cause.name === 'ReplyError' || answered.test(cause.message)) || noServer.test(cause.message);
}

/** Closes politely where the server answers, at once where it does not. */
export async function closeRedis(client: RedisClient): Promise<void> {
  try {
    if (client.status === 'ready') await within(500, 'redis quit', client.quit());
  } catch {
    // Nothing is lost by closing rudely.
  } finally {
    client.disconnect();
  }
}
