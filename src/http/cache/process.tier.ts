import type { KeyvStoreAdapter, StoredData } from 'keyv';
import { isPersonal, partsOf } from './address.js';
import type { Entry, Stamp } from './entry.js';
import type { Counts, Figures } from './figures.js';
import type { RecentDrops } from './recent.js';

const MOST_BYTES = 16 * 1_024 * 1_024;

/** An entry that is known to be right. */
export interface Found {
  entry: Entry;
  /** When what it relies on began to be asked. */
  began: number;
  /** Until when it may be used without asking again. */
  until: number;
  tier?: 'process' | 'redis';
  /** What it was loaded by, where it was just loaded. */
  stamp?: Stamp;
  /** Whether it was kept for all processes. */
  stored?: boolean;
}

export interface Kept extends Found {
  readonly counts: readonly Counts[];
  readonly tags: readonly string[];
}

/** Answers for everyone, each for at most a second since it was last known to be right. Never a personal one. */
export class ProcessTier implements KeyvStoreAdapter {
  readonly opts = {};
  namespace: string | undefined;
  private readonly kept = new Map<string, Kept>();
  private bytes = 0;

  constructor(
    private readonly drops: RecentDrops,
    private readonly figures: Figures,
    private readonly mostBytes = MOST_BYTES,
  ) {}

  get size(): { entries: number; bytes: number } {
    return { entries: this.kept.size, bytes: this.bytes };
  }

  /** Of what is held here, the tags that begin like this. */
  tagsLike(prefix: string): string[] {
    return [...this.kept.values()].flatMap(({ tags }) => tags.filter((tag) => tag.startsWith(prefix)));
  }

  /** At once, as a promise costs more than the rest. */
  peek(name: string, now: number): Kept | undefined {
    const kept = this.kept.get(name);
    if (kept === undefined) return undefined;
    if (now < kept.until && !this.drops.since(kept.began, kept.tags)) return kept;
    this.remove(name, kept);
    return undefined;
  }

  keep(address: string, { entry, began, until }: Found): void {
    if (isPersonal(address)) return;
    const { name, tags } = partsOf(address);
    if (performance.now() >= until || entry.bytes > this.mostBytes || this.drops.since(began, tags)) return;
    this.remove(name, this.kept.get(name));
    this.kept.set(name, { entry, tags, began, until, tier: 'process', counts: this.figures.of(tags) });
    this.bytes += entry.bytes;
    for (const [oldest, kept] of this.kept) {
      if (this.bytes <= this.mostBytes) break;
      this.remove(oldest, kept);
    }
  }

  on(): this {
    return this;
  }

  forget(): void {
    const now = performance.now();
    for (const [name, kept] of this.kept) if (now >= kept.until) this.remove(name, kept);
  }

  async get<T>(address: string): Promise<StoredData<T> | undefined> {
    const kept = this.peek(partsOf(address).name, performance.now());
    return kept && ({ value: kept } as StoredData<T>);
  }

  set(address: string, { value }: { value: Found }): boolean {
    this.keep(address, value);
    return true;
  }

  async delete(address: string): Promise<boolean> {
    const { name } = partsOf(address);
    return this.remove(name, this.kept.get(name));
  }

  async clear(): Promise<void> {
    this.kept.clear();
    this.bytes = 0;
  }

  private remove(name: string, kept: Kept | undefined): boolean {
    if (!kept) return false;
    this.bytes -= kept.entry.bytes;
    return this.kept.delete(name);
  }
}
