import { once } from 'node:events';
import { Inject, Injectable, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { within } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { closeRedis, connectRedis, RedisGate } from './redis.client.js';
import { RedisProbe } from './redis.probe.js';
import { CACHE_REDIS, QUEUE_REDIS } from './redis.tokens.js';

const CONNECT_MS = 500;

const gate = (token: symbol, name: string, urlOf: (config: Config) => string | undefined) => ({
  provide: token,
  inject: [CONFIG, LOG],
  useFactory: (config: Config, log: Log) => new RedisGate(connectRedis(urlOf(config) ?? '', name, log)),
});

@Injectable()
class RedisConnections implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(QUEUE_REDIS) private readonly queue: RedisGate,
    @Inject(CACHE_REDIS) private readonly cache: RedisGate,
  ) {}
  /** A Redis that is there is there from the first request on; one that is not is not waited for. */
  async onModuleInit(): Promise<void> {
    const ready = [this.queue, this.cache].filter(({ client }) => client.status !== 'ready').map(({ client }) => once(client, 'ready'));
    await within(CONNECT_MS, 'redis', Promise.all(ready)).catch(() => undefined);
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([closeRedis(this.queue.client), closeRedis(this.cache.client)]);
  }
}

@Module({
  providers: [
    gate(QUEUE_REDIS, 'queue', (config) => config.REDIS_URL),
    gate(CACHE_REDIS, 'cache', (config) => config.CACHE_REDIS_URL ?? config.REDIS_URL),
    RedisConnections,
    RedisProbe,
  ],
  exports: [QUEUE_REDIS, CACHE_REDIS],
})
export class RedisModule {}
