import { Inject, Injectable } from '@nestjs/common';
import { Cluster } from 'ioredis';
import { type HealthProbe, Probe, ProbeDown } from '../observability/probe.js';
import type { CacheRedis } from './cache.redis.js';
import type { RedisClient, RedisGate } from './redis.client.js';
import { CACHE_REDIS, QUEUE_REDIS } from './redis.tokens.js';

const NEEDED_POLICY = 'noeviction';

@Injectable()
@Probe({ name: 'redis', whenDown: 'degraded' })
export class RedisProbe implements HealthProbe {
  private wrong: string | undefined;

  constructor(
    @Inject(QUEUE_REDIS) private readonly queue: RedisGate,
    @Inject(CACHE_REDIS) private readonly cache: CacheRedis,
  ) {}

  async check(): Promise<Record<string, unknown>> {
    const [queue, cache] = await Promise.allSettled([policies(this.queue), this.cache.ask(() => ['PING'])]);
    if (queue.status === 'fulfilled') this.wrong = queue.value.find((policy) => policy !== NEEDED_POLICY);
    const facts = { queue: state(queue), cache: state(cache), ...(this.wrong ? { queuePolicy: this.wrong } : {}) };
    if (facts.queue !== 'up') throw new ProbeDown('the Redis of queues and counters does not answer', facts);
    if (facts.cache !== 'up') throw new ProbeDown('the Redis of caches does not answer', facts);
    const reason = this.unready();
    if (reason) throw new ProbeDown(reason, facts);
    return facts;
  }

  /** Evicting counters would lift limits, so such a server gets no traffic; by the last answer, as one that is away evicts nothing. */
  unready(): string | undefined {
    return this.wrong && `REDIS_URL has maxmemory-policy ${this.wrong}; set it to ${NEEDED_POLICY}`;
  }
}

/** Of every server that takes writes; INFO is open where CONFIG is forbidden. A server that tells none counts as right. */
async function policies(gate: RedisGate): Promise<string[]> {
  const infos = await gate.run((client) => Promise.all(serversOf(client).map((server) => server.info('memory'))));
  return infos.flatMap((info) => /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? []);
}

const serversOf = (client: RedisClient) => (client instanceof Cluster ? client.nodes('master') : [client]);

const state = (outcome: PromiseSettledResult<unknown>) => (outcome.status === 'fulfilled' ? 'up' : 'down');
