import type { Standing } from '../budget/budget.store.js';
import type { Cached } from '../cache/answers.service.js';
import type { Usage } from '../providers/provider.js';

/** What all calls of one turn came to. */
export class Tally {
  /** How the person stood when the last of them began, or ended. */
  standing?: Standing;
  costNanos = 0;
  private promptTokens = 0;
  private completionTokens = 0;
  private readonly kept: Cached[] = [];

  begin(standing: Standing, cached: Cached): void {
    this.standing = standing;
    this.kept.push(cached);
  }

  spend({ promptTokens, completionTokens }: Usage, costNanos: number): void {
    this.promptTokens += promptTokens;
    this.completionTokens += completionTokens;
    this.costNanos += costNanos;
  }

  get usage(): Usage {
    return { promptTokens: this.promptTokens, completionTokens: this.completionTokens };
  }

  /** A hit where all of them were; nothing where one of them may not be kept. */
  get cached(): Cached {
    if (this.kept.every((each) => each === 'HIT')) return 'HIT';
    return this.kept.includes(undefined) ? undefined : 'MISS';
  }
}
