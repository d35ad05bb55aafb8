import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { Figures } from '../health/figures.service.js';
import { version } from '../health/version.js';
import { pause } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { Alerts } from './alerts/alerts.service.js';
import { PERIOD_SECONDS } from './alerts/rules.js';
import { seenNow } from './samples.js';
import { SamplesStore } from './samples.store.js';

/** Looks at this instance every few seconds and tells all. Each of its processes does, unless another has just done it. */
@Injectable()
export class Watch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly closing = new AbortController();
  private looking: Promise<void> = Promise.resolve();
  private failing = false;

  constructor(
    private readonly samples: SamplesStore,
    private readonly figures: Figures,
    private readonly alerts: Alerts,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.looking = this.keepLooking();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.closing.abort();
    await this.looking;
  }

  /** True where this process was the one to look. */
  async look(freshSeconds = PERIOD_SECONDS * 0.7): Promise<boolean> {
    if (await this.samples.isFresh(freshSeconds)) return false;
    await this.samples.add(seenNow(await this.figures.all(), this.config.APP_ROLE, version));
    await this.alerts.judge(await this.samples.all());
    return true;
  }

  private async keepLooking(): Promise<void> {
    for (;;) {
      await pause(PERIOD_SECONDS * 1_000 * (0.9 + Math.random() / 5), this.closing.signal);
      if (this.closing.signal.aborted) return;
      try {
        await this.look();
        this.failing = false;
      } catch (err) {
        if (!this.failing) this.log.warn({ err }, 'this instance cannot look at itself: no alerts until it can');
        this.failing = true;
      }
    }
  }
}
