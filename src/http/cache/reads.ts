import { gathered } from '../../kernel/gathered.js';
import type { CacheRedis, KeyOf } from '../../redis/cache.redis.js';

/** Redis answers nobody else meanwhile. */
const MOST_AT_ONCE = 64;

/** In the order of the keys; nothing where Redis does not answer. */
type Found = (Buffer | null)[] | undefined;

/** What many look for in one turn of the loop goes to Redis as one question: one of his own for each would cost more than what he finds. */
export const readsOf = (redis: CacheRedis) =>
  gathered<(key: KeyOf) => string[], Found>(
    0,
    async (reads) => {
      let sizes: number[] = [];
      const say = (key: KeyOf) => {
        const each = reads.map((keys) => keys(key));
        sizes = each.map(({ length }) => length);
        return ['MGET', ...each.flat()];
      };
      const found = (await redis.ask(say).catch(() => undefined)) as Found;
      let at = 0;
      return reads.map((_, index) => found?.slice(at, (at += sizes[index] ?? 0)));
    },
    MOST_AT_ONCE,
  );
