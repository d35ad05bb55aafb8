import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { type HealthProbe, Probe, ProbeDown } from '../observability/probe.js';
import { Datasets } from './datasets/datasets.service.js';
import { RefreshesStore } from './datasets/refreshes.store.js';

/** One refresh may take long; that three did not come is no chance any more. */
const LATE_TIMES = 3;

/** How old the answers to business questions are. */
@Injectable()
@Probe({ name: 'analytics', whenDown: 'degraded' })
export class AnalyticsProbe implements HealthProbe {
  constructor(
    private readonly datasets: Datasets,
    private readonly refreshes: RefreshesStore,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async check(): Promise<Record<string, unknown>> {
    const [age, last] = await Promise.all([this.datasets.age(), this.refreshes.last()]);
    const facts = { ageSeconds: age ?? null, lastRefresh: last?.state ?? null };
    if (last?.state === 'failed') throw new ProbeDown('the last export for business questions failed', facts);
    const every = this.config.ANALYTICS_REFRESH_MINUTES * 60;
    if (every > 0 && age !== undefined && age > LATE_TIMES * every)
      throw new ProbeDown('what business questions are answered from is old', facts);
    return facts;
  }
}
