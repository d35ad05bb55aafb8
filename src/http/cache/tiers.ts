import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import { CacheRedis } from '../../redis/cache.redis.js';
import { Figures } from './figures.js';
import { ProcessTier } from './process.tier.js';
import { RecentDrops } from './recent.js';
import { RedisTier } from './redis.tier.js';

/** The process over Redis. */
@Injectable()
export class Tiers implements OnApplicationShutdown {
  readonly figures = new Figures();
  readonly drops = new RecentDrops();
  readonly process = new ProcessTier(this.drops, this.figures);
  readonly redis: RedisTier;
  /** Asks one tier after the other, and keeps in both. */
  readonly cache;
  /** Until when Redis may be believed: it has heard of every drop that this process could know of. */
  trustedUntil = -Infinity;
  private readonly connection: CacheRedis;

  constructor(@Inject(CONFIG) config: Config, @Inject(LOG) log: Log) {
    this.connection = new CacheRedis(config.CACHE_REDIS_URL ?? config.REDIS_URL ?? '', log);
    this.redis = new RedisTier(this.connection, () => this.trustedUntil);
    const raw = { useKeyPrefix: false, serialize: undefined, deserialize: undefined };
    this.cache = createCache({ stores: [this.process, this.redis].map((store) => new Keyv({ ...raw, store })) });
  }

  get state(): 'up' | 'down' {
    return performance.now() < this.trustedUntil && !this.connection.away ? 'up' : 'down';
  }

  dropped(tags: readonly string[]): void {
    this.drops.note(tags);
  }

  forget(): void {
    this.drops.forget();
    this.process.forget();
  }

  onApplicationShutdown(): void {
    this.connection.close();
  }
}
