import { Module } from '@nestjs/common';
import { RedisModule } from '../../redis/redis.module.js';
import { Answers } from './answers.js';
import { CacheMeasures } from './cache.measures.js';
import { Cache } from './cache.service.js';
import { Drops } from './drops.js';
import { Tiers } from './tiers.js';

@Module({
  imports: [RedisModule],
  providers: [Tiers, Answers, Drops, Cache, CacheMeasures],
  exports: [Tiers, Answers, Cache],
})
export class CacheModule {}
