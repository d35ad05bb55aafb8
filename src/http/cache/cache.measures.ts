import { Injectable } from '@nestjs/common';
import { counter, type Family, gauge } from '../../observability/figures.js';
import { type Measure, Measures } from '../../observability/measures.js';
import { Cache } from './cache.service.js';

@Injectable()
@Measures('process')
export class CacheMeasures implements Measure {
  constructor(private readonly cache: Cache) {}

  measure(): Family[] {
    const { process, redis, misses, drops, stored, bypassed, collapsed, kept, status, byTag } = this.cache.figures;
    const tiers = (of: { process: number; redis: number }) => [
      [{ tier: 'process' }, of.process] as const,
      [{ tier: 'redis' }, of.redis] as const,
    ];
    const families = Object.entries(byTag).flatMap(([family, counts]) =>
      Object.entries(counts).map(([what, count]) => [{ family, what: kinds[what as keyof typeof counts] }, count] as const),
    );
    return [
      counter('mutirao_cache_hits_total', 'Answers that were kept, by where', tiers({ process, redis })),
      counter('mutirao_cache_misses_total', 'Questions to which no answer was kept', misses),
      counter('mutirao_cache_stored_total', 'Answers that were kept for all processes', stored),
      counter('mutirao_cache_collapsed_total', 'Questions that waited for the answer to an equal one', tiers(collapsed)),
      counter('mutirao_cache_bypassed_total', 'Answers made for one caller alone', bypassed),
      counter('mutirao_cache_drops_total', 'Changes that dropped what was kept', drops),
      counter('mutirao_cache_family_total', 'The same by family of tags; a question may belong to several', families),
      gauge('mutirao_cache_kept_entries', 'Answers that processes hold', kept.entries),
      gauge('mutirao_cache_kept_bytes', 'Room that these take', kept.bytes),
      gauge('mutirao_cache_redis_up', 'Whether the process believes the Redis of caches', status === 'up' ? 1 : 0, 'each'),
    ];
  }
}

const kinds = { process: 'hit_process', redis: 'hit_redis', misses: 'miss', drops: 'drop' } as const;
