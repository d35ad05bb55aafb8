import { Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, DiscoveryModule } from '@nestjs/core';
import { AccessGuard, IdentityGuard } from './access.guard.js';
import { Edge } from './edge.js';
import { ProblemFilter } from './problem.filter.js';
import { Readiness } from './readiness.js';
import { ValidationPipe } from './validation.js';

@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    Readiness,
    Edge,
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_PIPE, useClass: ValidationPipe },
    { provide: APP_GUARD, useClass: IdentityGuard },
    AccessGuard,
    { provide: APP_GUARD, useExisting: AccessGuard },
  ],
  exports: [Readiness],
})
export class HttpModule {}
