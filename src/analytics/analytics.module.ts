import { type DynamicModule, Module } from '@nestjs/common';
import { servesApi, type Config } from '../config/config.js';
import { DatasetMeasures, EngineMeasures } from './analytics.measures.js';
import { AnalyticsProbe } from './analytics.probe.js';
import { AnalyticsController } from './analytics.controller.js';
import { Datasets } from './datasets/datasets.service.js';
import { Refreshes } from './datasets/refreshes.service.js';
import { RefreshesStore } from './datasets/refreshes.store.js';
import { Engines } from './engine/engines.service.js';
import { AskController } from './questions/ask.controller.js';
import { Questions } from './questions/ask.service.js';
import { QuestionsOfPeople } from './questions/sessions.belonging.js';
import { SessionsStore } from './questions/sessions.store.js';
import { Titles } from './questions/titles.js';
import { Answers } from './reports/answers.service.js';
import { Reports } from './reports/reports.service.js';

@Module({})
export class AnalyticsModule {
  static of(config: Config): DynamicModule {
    return {
      module: AnalyticsModule,
      controllers: servesApi(config) ? [AnalyticsController, AskController] : [],
      providers: [
        ...[Datasets, Refreshes, RefreshesStore, Engines, Answers, Reports],
        ...[Questions, Titles, SessionsStore, QuestionsOfPeople],
        ...[AnalyticsProbe, DatasetMeasures, EngineMeasures],
      ],
    };
  }
}
