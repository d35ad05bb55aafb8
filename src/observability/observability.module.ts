import { type DynamicModule, Module } from '@nestjs/common';
import type { Log } from './log.js';

export const LOG = Symbol('log');

@Module({})
export class ObservabilityModule {
  static of(log: Log): DynamicModule {
    return { module: ObservabilityModule, global: true, providers: [{ provide: LOG, useValue: log }], exports: [LOG] };
  }
}
