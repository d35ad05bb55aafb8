import { Injectable } from '@nestjs/common';
import { Refusal } from '../../kernel/problems.js';
import { pause } from '../../kernel/waiting.js';
import { isPersonal, partsOf } from './address.js';
import type { Entry, Stamp } from './entry.js';
import type { Found } from './process.tier.js';
import { PROCESS_MS } from './recent.js';
import { Tiers } from './tiers.js';

const WAIT_MS = 1_000;
const FIRST_WAIT_MS = 20;
const LONGER = 1.5;

interface Loaded {
  entry: Entry;
  how: 'stored' | 'alone' | 'collapsed';
}

/** Makes the answer of a route, based on these versions; `undefined` where it is nothing to keep. */
export type Make = (versions: readonly string[]) => Promise<Entry | undefined>;

interface Shared<T> {
  began: number;
  promise: Promise<T>;
}

/** Finds what is kept, and has what is not made once for all who ask at the same time. */
@Injectable()
export class Answers {
  private readonly looks = new Map<string, Shared<Found | undefined>>();
  private readonly loads = new Map<string, Shared<Loaded | undefined>>();

  constructor(private readonly tiers: Tiers) {}

  find(address: string): Promise<Found | undefined> {
    // One person's questions are not joined: the one after his own change must see it.
    if (isPersonal(address)) return this.look(address);
    return this.shared(this.looks, address, () => this.look(address)).promise;
  }

  /** Rejects as the load does; nothing is kept of a failure. */
  async load(address: string, lifeMs: number, make: Make): Promise<Loaded | undefined> {
    if (isPersonal(address)) return this.make(address, lifeMs, make);
    const arrived = performance.now();
    for (;;) {
      const open = this.loads.get(address);
      const load = this.shared(this.loads, address, () => this.loadForAll(address, lifeMs, make));
      const loaded = await load.promise;
      if (load !== open) return loaded;
      // What began before the question may have become too old while it took its time.
      if (load.began >= arrived || performance.now() < load.began + PROCESS_MS) {
        this.tiers.figures.collapsed.process += 1;
        return loaded && { ...loaded, how: 'collapsed' };
      }
      const found = await this.find(address);
      if (found) return { entry: found.entry, how: 'collapsed' };
    }
  }

  private async look(address: string): Promise<Found | undefined> {
    const began = performance.now();
    // What is one person's can only be in Redis.
    const found = await (isPersonal(address) ? this.tiers.redis.find(address) : this.tiers.cache.get<Found>(address));
    if (!found || this.tiers.drops.since(began, partsOf(address).tags)) return undefined;
    this.tiers.process.keep(address, found);
    return found;
  }

  /** Of all processes, one loads and the others look again for a while; then they load themselves. */
  private async loadForAll(address: string, lifeMs: number, make: Make): Promise<Loaded | undefined> {
    const last = performance.now() + WAIT_MS;
    for (let wait = FIRST_WAIT_MS; ; wait *= LONGER) {
      const stamp = await this.tiers.redis.begin(address, lifeMs, true);
      if (!stamp || stamp.ours || this.tiers.redis.hasGhosts || performance.now() > last) return this.make(address, lifeMs, make, stamp);
      await pause(wait);
      const found = await this.look(address);
      if (found) {
        this.tiers.figures.collapsed.redis += 1;
        return { entry: found.entry, how: 'collapsed' };
      }
    }
  }

  /** What took its time and was overtaken by a drop is made once more, as it may be older than anything may be. */
  private async make(address: string, lifeMs: number, make: Make, stamp?: Stamp): Promise<Loaded | undefined> {
    stamp ??= isPersonal(address) ? await this.tiers.redis.begin(address, lifeMs, false) : undefined;
    const first = await this.makeOnce(address, lifeMs, make, stamp);
    if (!first?.overtaken) return first;
    const second = await this.makeOnce(address, lifeMs, make, await this.tiers.redis.begin(address, lifeMs, false));
    if (second?.overtaken)
      throw new Refusal('overloaded', 'This changes faster than it can be told at this moment. Try again in a moment.');
    return second;
  }

  private async makeOnce(address: string, lifeMs: number, make: Make, stamp?: Stamp) {
    const began = performance.now();
    let entry: Entry | undefined;
    try {
      entry = await make(stamp?.versions ?? []);
    } finally {
      if (!entry && stamp) void this.tiers.redis.release(address, stamp);
    }
    if (!entry) return undefined;
    const made: Found = { entry, began, until: began + PROCESS_MS, stamp };
    await this.tiers.cache.set(address, made, lifeMs);
    if (made.stored) this.tiers.figures.stored += 1;
    const changed = stamp ? !made.stored : this.tiers.drops.since(began, partsOf(address).tags);
    return { entry, how: made.stored ? 'stored' : 'alone', overtaken: changed && performance.now() > made.until } as const;
  }

  /** What is under way, where it began lately and nothing it may be made of was dropped here since. */
  private shared<T>(all: Map<string, Shared<T>>, address: string, work: () => Promise<T>): Shared<T> {
    const open = all.get(address);
    if (open && performance.now() < open.began + PROCESS_MS && !this.tiers.drops.since(open.began, partsOf(address).tags)) return open;
    const own = { began: performance.now(), promise: work() };
    all.set(address, own);
    const over = () => {
      if (all.get(address) === own) all.delete(address);
    };
    own.promise.then(over, over);
    return own;
  }
}
