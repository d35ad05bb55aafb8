import { Global, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ProblemFilter } from './problem.filter.js';
import { Readiness } from './readiness.js';

@Global()
@Module({ providers: [Readiness, { provide: APP_FILTER, useClass: ProblemFilter }], exports: [Readiness] })
export class HttpModule {}
