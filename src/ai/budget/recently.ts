import type { Standing } from './budget.store.js';

const RECENT_MS = 1_000;
const MOST_PEOPLE = 10_000;

/** How people stood when this process last heard of it. */
export class Recently {
  private readonly known = new Map<string, { standing: Standing; at: number }>();

  note(userId: string, standing: Standing): Standing {
    if (this.known.size >= MOST_PEOPLE) this.known.clear();
    this.known.set(userId, { standing, at: performance.now() });
    return standing;
  }

  /** Nothing where that is too long ago, or another day. */
  of(userId: string): Standing | undefined {
    const found = this.known.get(userId);
    if (!found || performance.now() > found.at + RECENT_MS || Date.now() >= found.standing.resetsAt.getTime()) return undefined;
    return found.standing;
  }
}
