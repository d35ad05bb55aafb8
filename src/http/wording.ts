import type { z } from 'zod';

type Issue = z.core.$ZodRawIssue;

const kinds: Partial<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

const formats: Partial<Record<string, string>> = {
  uuid: 'an id (UUID)',
  datetime: 'a moment in ISO 8601, such as 2026-12-31T23:59:59Z',
  url: 'an address (URL)',
};

const units: Partial<Record<string, string>> = { string: ' characters', array: ' items' };

/** What is wrong with a field, in words that say how it should be. */
export function wordsOf(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : must(kinds[issue.expected]);
    case 'invalid_format':
      return must(formats[issue.format]);
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return bound(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'too_big':
      return bound(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    default:
      return undefined;
  }
}

const must = (kind: string | undefined) => kind && `must be ${kind}`;

function bound(origin: string, how: string, limit: number | bigint): string {
  const unit = units[origin];
  return unit ? `must have ${how} ${limit}${unit}` : `must be ${how} ${limit}`;
}
