import { type DynamicModule, Module } from '@nestjs/common';
import type { Log } from './log.js';
import { LOG } from './log.token.js';
import { Spans } from './spans.js';

export { LOG } from './log.token.js';

@Module({})
export class ObservabilityModule {
  static of(log: Log): DynamicModule {
    return { module: ObservabilityModule, global: true, providers: [{ provide: LOG, useValue: log }, Spans], exports: [LOG, Spans] };
  }
}
