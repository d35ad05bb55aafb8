import type { KeyvStoreAdapter, StoredData } from 'keyv';
import { newId } from '../../kernel/ids.js';
import type { CacheRedis } from '../../redis/cache.redis.js';
import { isPersonal, partsOf } from './address.js';
import { Entry, type Stamp } from './entry.js';
import type { Found } from './process.tier.js';
import { readsOf } from './reads.js';
import { PROCESS_MS } from './recent.js';

/** Redis answers nobody else meanwhile. */
const SCANNED_AT_ONCE = 1_000;
const LOCK_MS = 2_000;
/** From its last failure to the moment at which a frozen server wakes. */
const ASLEEP_MS = 1_000;
/** A version outlives every entry that was made with it. */
const VERSION_LONGER_MS = 60_000;

/** Takes the lock, where one is wanted, and the version of each tag; a tag that has none gets one. */
const BEGIN = `
local answer = { 1 }
if ARGV[2] ~= '0' and not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then answer[1] = 0 end
for i = 2, #KEYS do
  local version = redis.call('GET', KEYS[i])
  if not version then
    version = ARGV[4]
    redis.call('SET', KEYS[i], version, 'PX', ARGV[3])
  elseif redis.call('PTTL', KEYS[i]) < tonumber(ARGV[3]) then
    redis.call('PEXPIRE', KEYS[i], ARGV[3])
  end
  answer[i] = version
end
return answer`;

/** Keeps the entry only where no tag was dropped since the load began; lets go of the lock. */
const STORE = `
local same = ARGV[2] ~= '0'
for i = 3, #KEYS do
  same = same and redis.call('GET', KEYS[i]) == ARGV[i + 1]
end
if same then redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[2]) end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return same and 1 or 0`;

/** As a pattern, of which every letter means itself. */
const literally = (text: string) => text.replaceAll(/[*?[\]^\\-]/g, String.raw`\$&`);

/**
 * Answers for all processes. An entry counts only while every tag still has the version it was made with;
 * a drop takes the version away. Where Redis does not answer, or may not have heard of a drop, nothing is there.
 */
export class RedisTier implements KeyvStoreAdapter {
  readonly opts = {};
  namespace: string | undefined;
  private readonly read: ReturnType<typeof readsOf>;

  constructor(
    private readonly redis: CacheRedis,
    /** Until when what Redis says may be believed. */
    private readonly trustedUntil: () => number,
  ) {
    this.read = readsOf(redis);
  }

  async get<T>(address: string): Promise<StoredData<T> | undefined> {
    const value = await this.find(address);
    return value && ({ value } as StoredData<T>);
  }

  async find(address: string): Promise<Found | undefined> {
    const { name, tags } = partsOf(address);
    const began = performance.now();
    const until = Math.min(this.trustedUntil(), began + PROCESS_MS);
    if (began >= until || this.redis.away) return undefined;
    const answer = await this.read((key) => [key('entry', name), ...tags.map((tag) => key('tag', tag))]);
    const [bytes, ...versions] = answer ?? [];
    // Whoever stood still meanwhile knows nothing any more.
    if (!bytes || performance.now() >= until) return undefined;
    // What Redis sent is a piece of something larger, which what stays here must not hold.
    const entry = Entry.decode(isPersonal(address) ? bytes : Buffer.from(bytes));
    if (!entry || !versions.every((version, at) => version?.toString() === entry.head.versions[at])) return undefined;
    return { entry, began, until, tier: 'redis' };
  }

  /** Whether a lock may be that of nobody: taken when Redis woke, for someone who had not waited. */
  get hasGhosts(): boolean {
    return performance.now() < this.redis.failedAt + ASLEEP_MS + LOCK_MS;
  }

  /** Before a load: what it will be based on, and whether it is ours to do. */
  async begin(address: string, lifeMs: number, locks: boolean): Promise<(Stamp & { ours: boolean }) | undefined> {
    const { name, tags } = partsOf(address);
    const token = newId();
    const times = [String(locks ? LOCK_MS : 0), String(lifeMs + VERSION_LONGER_MS)];
    const answer = await this.ask(this.trustedUntil(), (key) => [
      ...['EVAL', BEGIN, String(tags.length + 1), key('lock', name), ...tags.map((tag) => key('tag', tag))],
      ...[token, ...times, newId()],
    ]);
    if (!answer) return undefined;
    const [ours, ...versions] = answer as [number, ...Buffer[]];
    return { ours: ours === 1, token, versions: versions.map(String) };
  }

  async set(address: string, { value }: { value: Found }, lifeMs = 0): Promise<boolean> {
    if (!value.stamp) return false;
    value.stored = await this.store(address, value.stamp, value.entry.encode(), lifeMs);
    return value.stored;
  }

  /** Nothing came of the load. */
  async release(address: string, stamp: Stamp): Promise<void> {
    await this.store(address, stamp, '', 0);
  }

  /** False where Redis has not heard of it. */
  async drop(tags: readonly string[]): Promise<boolean> {
    if (tags.length === 0) return true;
    return (await this.ask(Infinity, (key) => ['DEL', ...tags.map((tag) => key('tag', tag))])) !== undefined;
  }

  /** The tags that were dropped of all that begin like this; undefined where Redis has not heard of it to the end. */
  async dropLike(prefix: string): Promise<string[] | undefined> {
    const dropped: string[] = [];
    let cursor = '0';
    do {
      let before = '';
      const found = await this.ask(Infinity, (key) => {
        before = key('tag', '');
        return ['SCAN', cursor, 'MATCH', `${literally(before + prefix)}*`, 'COUNT', String(SCANNED_AT_ONCE)];
      });
      if (!found) return undefined;
      const [next, keys] = found as [Buffer, Buffer[]];
      const tags = keys.map((name) => name.toString().slice(before.length));
      if (!(await this.drop(tags))) return undefined;
      dropped.push(...tags);
      cursor = next.toString();
    } while (cursor !== '0');
    return dropped;
  }

  on(): this {
    return this;
  }

  async delete(address: string): Promise<boolean> {
    return (await this.ask(Infinity, (key) => ['DEL', key('entry', partsOf(address).name)])) === 1;
  }

  async clear(): Promise<void> {
    throw new Error('what is kept is dropped by its tags');
  }

  private async store(address: string, { token, versions }: Stamp, bytes: Buffer | string, lifeMs: number): Promise<boolean> {
    const { name, tags } = partsOf(address);
    const answer = await this.ask(Infinity, (key) => [
      ...['EVAL', STORE, String(tags.length + 2), key('entry', name), key('lock', name), ...tags.map((tag) => key('tag', tag))],
      ...[token, String(lifeMs), bytes, ...versions],
    ]);
    return answer === 1;
  }

  // Nobody who asks a cache wants to hear of its troubles.
  private async ask(until: number, say: Parameters<CacheRedis['ask']>[0]): Promise<unknown> {
    if (performance.now() >= until || this.redis.away) return undefined;
    return this.redis.ask(say).catch(() => undefined);
  }
}
