import { Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, DiscoveryModule } from '@nestjs/core';
import { AccessGuard, Identity } from './access.guard.js';
import { CacheHook } from './cache/cache.hook.js';
import { CacheModule } from './cache/cache.module.js';
import { Door } from './door.js';
import { EarlyAnswers } from './early.js';
import { Edge } from './edge.js';
import { AddressLimit } from './limits/address.limit.js';
import { LimitsModule } from './limits/limits.module.js';
import { Cursors } from './lists.js';
import { PersonalLimit } from './limits/personal.limit.js';
import { ProblemFilter } from './problem.filter.js';
import { Readiness } from './readiness.js';
import { RequestSpans } from './request-spans.js';
import { RequestMeasures } from './requests.measures.js';
import { ValidationPipe } from './validation.js';

@Global()
@Module({
  imports: [DiscoveryModule, LimitsModule, CacheModule],
  providers: [
    Readiness,
    Edge,
    AddressLimit,
    CacheHook,
    Door,
    EarlyAnswers,
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_PIPE, useClass: ValidationPipe },
    Identity,
    AccessGuard,
    PersonalLimit,
    RequestMeasures,
    RequestSpans,
    Cursors,
    { provide: APP_GUARD, useExisting: AccessGuard },
  ],
  exports: [Readiness, Cursors, EarlyAnswers, PersonalLimit, LimitsModule, CacheModule],
})
export class HttpModule {}
