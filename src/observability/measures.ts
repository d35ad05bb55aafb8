import { DiscoveryService } from '@nestjs/core';
import type { Family } from './figures.js';

/** What the owner of something brings, so that it is shown to whoever watches. */
export interface Measure {
  measure(): readonly Family[] | Promise<readonly Family[]>;
}

/** Of this process, which all are asked for; or of the whole system, of which any one knows. */
export const Measures = DiscoveryService.createDecorator<'process' | 'system'>();
