import { Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { RedisModule } from '../../redis/redis.module.js';
import { Answers } from './answers.js';
import { CacheInterceptor } from './cache.interceptor.js';
import { Cache } from './cache.service.js';
import { Drops } from './drops.js';
import { Tiers } from './tiers.js';

@Module({
  imports: [RedisModule],
  providers: [Tiers, Answers, Drops, Cache, { provide: APP_INTERCEPTOR, useClass: CacheInterceptor }],
  exports: [Tiers, Answers, Cache],
})
export class CacheModule {}
