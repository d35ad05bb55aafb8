/** Queues and counters: must never evict. */
export const QUEUE_REDIS = Symbol('queue redis');
/** Caches: may evict anything. */
export const CACHE_REDIS = Symbol('cache redis');
