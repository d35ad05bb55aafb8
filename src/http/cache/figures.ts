/** What became of questions, for all or for one family of tags. */
export interface Counts {
  process: number;
  redis: number;
  misses: number;
  drops: number;
}

const MOST_FAMILIES = 100;
const OTHERS = 'others';
const none = (): Counts => ({ process: 0, redis: 0, misses: 0, drops: 0 });

/** Counts by the family of a tag, which is its text before the colon: single tags are without number. */
export class Figures {
  readonly total = none();
  readonly collapsed = { process: 0, redis: 0 };
  stored = 0;
  bypassed = 0;
  private readonly families = new Map<string, Counts>();

  get byTag(): Record<string, Counts> {
    return Object.fromEntries(this.families);
  }

  /** Everything that one question with these tags counts into. */
  of(tags: readonly string[]): readonly Counts[] {
    const names = new Set(tags.map((tag) => tag.split(':', 1)[0] ?? ''));
    return [this.total, ...[...names].map((name) => this.family(name))];
  }

  count(what: keyof Counts, tags: readonly string[]): void {
    for (const counts of this.of(tags)) counts[what] += 1;
  }

  private family(name: string): Counts {
    const known = this.families.get(name);
    if (known) return known;
    if (this.families.size >= MOST_FAMILIES && name !== OTHERS) return this.family(OTHERS);
    const counts = none();
    this.families.set(name, counts);
    return counts;
  }
}
