import { type DynamicModule, Module } from '@nestjs/common';
import { consumes, servesApi, type Config } from '../../config/config.js';
import { AudioConcurrencyController } from './concurrency.controller.js';
import { Engine } from './engine/engine.service.js';
import { Intake } from './intake/intake.service.js';
import { AudioJobsController } from './jobs.controller.js';
import { AudioJobs } from './jobs.service.js';
import { JobsStore } from './jobs.store.js';
import { LineStore } from './line/line.store.js';
import { Promises } from './line/promises.service.js';
import { Transcripts } from './line/transcripts.service.js';
import { AudioWorker } from './line/worker.service.js';
import { WorkStore } from './line/work.store.js';
import { RecordingsOfPeople } from './recordings.belonging.js';
import { AudioStorage, LocalStorage } from './storage.js';
import { AudioSweeper } from './sweeper.service.js';
import { Watch } from './watch.service.js';

@Module({})
export class AudioModule {
  static of(config: Config): DynamicModule {
    return {
      module: AudioModule,
      controllers: servesApi(config) ? [AudioConcurrencyController, AudioJobsController] : [],
      providers: [
        { provide: AudioStorage, useClass: LocalStorage },
        ...[AudioJobs, JobsStore, Intake, Promises, LineStore, Watch, RecordingsOfPeople],
        ...(consumes(config) ? [AudioWorker, AudioSweeper, Engine, Transcripts, WorkStore] : []),
      ],
      exports: [LineStore],
    };
  }
}
