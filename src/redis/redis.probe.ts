import { Inject, Injectable } from '@nestjs/common';
import { type HealthProbe, Probe, ProbeDown } from '../observability/probe.js';
import type { RedisGate } from './redis.client.js';
import { CACHE_REDIS, QUEUE_REDIS } from './redis.tokens.js';

const NEEDED_POLICY = 'noeviction';

@Injectable()
@Probe({ name: 'redis', whenDown: 'degraded' })
export class RedisProbe implements HealthProbe {
  private policy: string | undefined;

  constructor(
    @Inject(QUEUE_REDIS) private readonly queue: RedisGate,
    @Inject(CACHE_REDIS) private readonly cache: RedisGate,
  ) {}

  async check(): Promise<Record<string, unknown>> {
    const [queue, cache] = await Promise.allSettled([this.memory(this.queue), this.memory(this.cache)]);
    if (queue.status === 'fulfilled') this.policy = queue.value.maxmemory_policy;
    const facts = { queue: state(queue), cache: state(cache), queuePolicy: this.policy };
    if (facts.queue !== 'up') throw new ProbeDown('the Redis of queues and counters does not answer', facts);
    if (facts.cache !== 'up') throw new ProbeDown('the Redis of caches does not answer', facts);
    const wrong = this.unready();
    if (wrong) throw new ProbeDown(wrong, facts);
    return facts;
  }

  /** Evicting counters would lift limits, so such a server gets no traffic. */
  unready(): string | undefined {
    if (this.policy === undefined || this.policy === NEEDED_POLICY) return undefined;
    return `REDIS_URL has maxmemory-policy ${this.policy}; set it to ${NEEDED_POLICY}`;
  }

  // INFO is open where CONFIG is forbidden.
  private async memory(gate: RedisGate): Promise<Record<string, string>> {
    const text = await gate.run((client) => client.info('memory'));
    return Object.fromEntries(text.split('\r\n').map((line) => line.split(':', 2) as [string, string]));
  }
}

const state = (outcome: PromiseSettledResult<unknown>) => (outcome.status === 'fulfilled' ? 'up' : 'down');
