import { Injectable, StandardSchemaValidationPipe } from '@nestjs/common';
import { z } from 'zod';
import { wordsOf } from './wording.js';
import { Refusal, type FieldFault } from '../kernel/problems.js';

z.config({ customError: wordsOf });

const MOST_FAULTS = 50;
const LONGEST_PATH = 200;

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
  const faults = issues.flatMap(faultsOf);
  const detail = faults.length === 1 ? '1 field is not valid' : `${faults.length} fields are not valid`;
  return new Refusal('validation_failed', detail, faults.slice(0, MOST_FAULTS));
}

function faultsOf(issue: Issue): FieldFault[] {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part));
  const { keys } = issue as { keys?: string[] };
  if (!keys) return [{ path: path.join('.'), message: issue.message }];
  return keys.map((key) => ({ path: [...path, key].join('.').slice(0, LONGEST_PATH), message: 'is not a field of this request' }));
}
