import { once } from 'node:events';
import { Inject, Injectable, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { within } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { CacheRedis } from './cache.redis.js';
import { closeRedis, connectRedis, RedisGate } from './redis.client.js';
import { RedisProbe } from './redis.probe.js';
import { CACHE_REDIS, QUEUE_REDIS } from './redis.tokens.js';

const CONNECT_MS = 500;

@Injectable()
class RedisConnections implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(QUEUE_REDIS) private readonly queue: RedisGate,
    @Inject(CACHE_REDIS) private readonly cache: CacheRedis,
  ) {}
  /** A Redis that is there is there from the first request on; one that is not is not waited for. */
  async onModuleInit(): Promise<void> {
    const { client } = this.queue;
    const ready = client.status === 'ready' ? undefined : once(client, 'ready');
    await within(CONNECT_MS, 'redis', Promise.all([ready, this.cache.connected])).catch(() => undefined);
  }

  async onApplicationShutdown(): Promise<void> {
    this.cache.close();
    await closeRedis(this.queue.client);
  }
}

@Module({
  providers: [
    {
      provide: QUEUE_REDIS,
      inject: [CONFIG, LOG],
      useFactory: ({ REDIS_URL }: Config, log: Log) => new RedisGate(connectRedis(REDIS_URL ?? '', 'queue', log)),
    },
    {
      provide: CACHE_REDIS,
      inject: [CONFIG, LOG],
      useFactory: ({ CACHE_REDIS_URL, REDIS_URL }: Config, log: Log) => new CacheRedis(CACHE_REDIS_URL ?? REDIS_URL ?? '', log),
    },
    RedisConnections,
    RedisProbe,
  ],
  exports: [QUEUE_REDIS, CACHE_REDIS],
})
export class RedisModule {}
