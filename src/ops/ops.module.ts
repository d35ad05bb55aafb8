import { type DynamicModule, Module } from '@nestjs/common';
import { HealthModule } from '../health/health.module.js';
import { AlertMeasures } from './alerts/alert.measures.js';
import { Alerts } from './alerts/alerts.service.js';
import { AlertsStore } from './alerts/alerts.store.js';
import { Tellings } from './alerts/tellings.jobs.js';
import { AlertsController } from './alerts.controller.js';
import { CacheController } from './cache.controller.js';
import { Invalidations } from './invalidations.service.js';
import { SamplesStore } from './samples.store.js';
import { ScalingController } from './scaling.controller.js';
import { Scaling } from './scaling.service.js';
import { Watch } from './watch.service.js';

@Module({})
export class OpsModule {
  /** `queues` is the very module that the application has: a second one would work on its queues, too. */
  static of(serves: boolean, queues: DynamicModule): DynamicModule {
    return {
      module: OpsModule,
      imports: [HealthModule, queues],
      controllers: serves ? [CacheController, AlertsController, ScalingController] : [],
      providers: [SamplesStore, AlertsStore, Alerts, AlertMeasures, Tellings, Watch, ...(serves ? [Invalidations, Scaling] : [])],
    };
  }
}
