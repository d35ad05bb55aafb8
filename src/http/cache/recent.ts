/** Life of anything in a process: answers, and loads that others may join. */
export const PROCESS_MS = 1_000;

/** Longer than an answer is in the making. */
const REMEMBERED_MS = 30_000;

/** Tags that were dropped a moment ago, so that nothing begun before is used or kept by this process. */
export class RecentDrops {
  private readonly at = new Map<string, number>();
  private readonly like = new Map<string, number>();

  note(tags: readonly string[]): void {
    const now = performance.now();
    for (const tag of tags) this.at.set(tag, now);
  }

  /** All tags that begin like this. */
  noteLike(prefixes: readonly string[]): void {
    const now = performance.now();
    for (const prefix of prefixes) this.like.set(prefix, now);
  }

  /** Whether what began then, with these tags, is overtaken by a drop. */
  since(began: number, tags: readonly string[]): boolean {
    if (this.at.size > 0 && tags.some((tag) => (this.at.get(tag) ?? -Infinity) >= began)) return true;
    if (this.like.size === 0) return false;
    return [...this.like].some(([prefix, at]) => at >= began && tags.some((tag) => tag.startsWith(prefix)));
  }

  forget(): void {
    const old = performance.now() - REMEMBERED_MS;
    for (const known of [this.at, this.like]) for (const [tag, at] of known) if (at < old) known.delete(tag);
  }
}
