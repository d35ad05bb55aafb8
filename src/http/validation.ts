import { Injectable, StandardSchemaValidationPipe } from '@nestjs/common';
import { Refusal, type FieldFault } from '../kernel/problems.js';

const MOST_FAULTS = 50;

type Issue = Parameters<
  NonNullable<NonNullable<ConstructorParameters<typeof StandardSchemaValidationPipe>[0]>['exceptionFactory']>
>[0][number];

/** Checks what a route declares with a schema, and tells all faults at once. */
@Injectable()
export class ValidationPipe extends StandardSchemaValidationPipe {
  constructor() {
    super({ exceptionFactory: refusalOf });
  }
}

export function refusalOf(issues: readonly Issue[]): Refusal {
  const faults = issues.slice(0, MOST_FAULTS).map(faultOf);
  return new Refusal('validation_failed', issues.length === 1 ? '1 field is not valid' : `${issues.length} fields are not valid`, faults);
}

const faultOf = ({ path = [], message }: Issue): FieldFault => ({
  path: path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.'),
  message,
});
