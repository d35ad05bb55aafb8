const MARGIN_SECONDS = 30;

export interface Fetched {
  value: string;
  seconds: number;
}

/** One token for all who ask, fetched by the first of them. */
export class PixToken {
  private held: { value: string; until: number } | undefined;
  private coming: Promise<string> | undefined;

  constructor(private readonly fetch: () => Promise<Fetched>) {}

  /** Whoever leaves does not take it from those who still wait. */
  async get(signal: AbortSignal): Promise<string> {
    if (this.held && performance.now() < this.held.until) return this.held.value;
    return orLeave((this.coming ??= this.renew()), signal);
  }

  /** It was not taken; one that came meanwhile stays. */
  forget(value: string): void {
    if (this.held?.value === value) this.held = undefined;
  }

  private async renew(): Promise<string> {
    try {
      const { value, seconds } = await this.fetch();
      this.held = { value, until: performance.now() + Math.max(seconds - MARGIN_SECONDS, seconds / 2) * 1_000 };
      return value;
    } finally {
      this.coming = undefined;
    }
  }
}

const orLeave = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason as Error);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
