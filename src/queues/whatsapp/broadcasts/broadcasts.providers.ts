import { AudienceStore } from './audience.store.js';
import { BroadcastsController } from './broadcasts.controller.js';
import { Broadcasts } from './broadcasts.service.js';
import { BroadcastsStore } from './broadcasts.store.js';
import { FlightsController } from './flights.controller.js';
import { Forecast } from './forecast.service.js';
import { ForecastStore } from './forecast.store.js';
import { Preparations } from './preparing.jobs.js';
import { PreparingStore } from './preparing.store.js';
import { Progress } from './progress.service.js';
import { BroadcastReports } from './report.service.js';
import { Waiting } from './waiting.service.js';
import { WaitingStore } from './waiting.store.js';
import { BroadcastWatch } from './watch.service.js';

export const ofBroadcasts = {
  // What has a name of its own below the same address comes before any id.
  controllers: [FlightsController, BroadcastsController],
  providers: [
    ...[Broadcasts, BroadcastsStore, AudienceStore, Forecast, ForecastStore, Progress, BroadcastReports],
    ...[Waiting, WaitingStore, Preparations, PreparingStore],
  ],
  /** Of processes that send. */
  senders: [BroadcastWatch],
};
