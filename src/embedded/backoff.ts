const LEAST = 250;
const MOST = 10_000;
const HEALTHY = 30_000;

/** How long to wait before something that ended is started again. */
export class Backoff {
  private wait = 0;

  next(aliveMs: number): number {
    this.wait = this.wait === 0 || aliveMs >= HEALTHY ? LEAST : Math.min(this.wait * 2, MOST);
    return this.wait;
  }
}
