import { Inject, Injectable } from '@nestjs/common';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import type { CacheRedis } from '../../redis/cache.redis.js';
import { CACHE_REDIS } from '../../redis/redis.tokens.js';
import { Figures } from './figures.js';
import { ProcessTier } from './process.tier.js';
import { RecentDrops } from './recent.js';
import { RedisTier } from './redis.tier.js';

/** So old may a look for late drops be; with it, and on the way, nothing is two seconds old. */
const LOOKED_MS = 1_500;

/** Tags that are dropped by name, and all those that begin like one of these. */
export interface Dropped {
  tags: readonly string[];
  prefixes: readonly string[];
}

/** The process over Redis. */
@Injectable()
export class Tiers {
  readonly figures = new Figures();
  readonly drops = new RecentDrops();
  readonly process = new ProcessTier(this.drops, this.figures);
  readonly redis: RedisTier;
  /** Asks one tier after the other, and keeps in both. */
  readonly cache;
  readonly listeners = new Set<(dropped: Dropped) => void>();
  /** It has heard by then of every drop that this process could know of. */
  trustedUntil = -Infinity;
  /** Of each who drops some time after the change: when the last look began that left nothing undropped. */
  readonly looks = new Set<{ began: number }>();

  constructor(@Inject(CACHE_REDIS) private readonly connection: CacheRedis) {
    this.redis = new RedisTier(connection, () => this.believedUntil);
    const raw = { useKeyPrefix: false, serialize: undefined, deserialize: undefined };
    this.cache = createCache({ stores: [this.process, this.redis].map((store) => new Keyv({ ...raw, store })) });
  }

  get state(): 'up' | 'down' {
    return performance.now() < this.believedUntil && !this.connection.away ? 'up' : 'down';
  }

  /** Until when what Redis says may be believed. */
  private get believedUntil(): number {
    let until = this.trustedUntil;
    for (const { began } of this.looks) until = Math.min(until, began + LOOKED_MS);
    return until;
  }

  /** Whether Redis was there just now, though it is not, or has only just come back. */
  get redisReturns(): boolean {
    return this.connection.returns;
  }

  dropped(dropped: Dropped): void {
    this.drops.note(dropped.tags);
    this.drops.noteLike(dropped.prefixes);
    for (const tell of this.listeners) tell(dropped);
  }

  forget(): void {
    this.drops.forget();
    this.process.forget();
  }
}
