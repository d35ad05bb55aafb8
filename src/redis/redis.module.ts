import { Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { closeRedis, connectRedis, RedisGate } from './redis.client.js';
import { RedisProbe } from './redis.probe.js';
import { CACHE_REDIS, QUEUE_REDIS } from './redis.tokens.js';

const gate = (token: symbol, name: string, urlOf: (config: Config) => string | undefined) => ({
  provide: token,
  inject: [CONFIG, LOG],
  useFactory: (config: Config, log: Log) => new RedisGate(connectRedis(urlOf(config) ?? '', name, log)),
});

@Injectable()
class RedisClosing implements OnApplicationShutdown {
  constructor(
    @Inject(QUEUE_REDIS) private readonly queue: RedisGate,
    @Inject(CACHE_REDIS) private readonly cache: RedisGate,
  ) {}
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([closeRedis(this.queue.client), closeRedis(this.cache.client)]);
  }
}

@Module({
  providers: [
    gate(QUEUE_REDIS, 'queue', (config) => config.REDIS_URL),
    gate(CACHE_REDIS, 'cache', (config) => config.CACHE_REDIS_URL ?? config.REDIS_URL),
    RedisClosing,
    RedisProbe,
  ],
  exports: [QUEUE_REDIS, CACHE_REDIS],
})
export class RedisModule {}
