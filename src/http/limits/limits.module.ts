import { Module } from '@nestjs/common';
import { ThrottlerModule } from '@nestjs/throttler';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import type { RedisGate } from '../../redis/redis.client.js';
import { RedisModule } from '../../redis/redis.module.js';
import { QUEUE_REDIS } from '../../redis/redis.tokens.js';
import { ClientAddresses } from '../client-address.js';
import { LimitMeasures } from './limits.measures.js';
import { Limits } from './limits.service.js';
import { RedisStorage } from './redis.storage.js';
import { ruleNames, rulesOf, WINDOW_MS } from './rules.js';

@Module({
  imports: [
    ThrottlerModule.forRootAsync({
      imports: [RedisModule],
      inject: [CONFIG, QUEUE_REDIS, LOG],
      useFactory: (config: Config, redis: RedisGate, log: Log) => {
        const rules = rulesOf(config);
        return {
          throttlers: ruleNames.map((name) => ({ name, limit: rules[name].limit, ttl: WINDOW_MS })),
          storage: new RedisStorage(rules, redis, log),
        };
      },
    }),
  ],
  providers: [ClientAddresses, Limits, LimitMeasures],
  exports: [ClientAddresses, Limits],
})
export class LimitsModule {}
