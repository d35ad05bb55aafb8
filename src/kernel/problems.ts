export interface Problem {
  status: number;
  title: string;
}

/** Every refusal the system can speak: a stable code, its status, its wording. */
export const problems = {
  bad_request: { status: 400, title: 'The request cannot be read' },
  malformed_json: { status: 400, title: 'The body is not valid JSON' },
  not_found: { status: 404, title: 'Not found' },
  too_large: { status: 413, title: 'The body is too large' },
  unsupported_type: { status: 415, title: 'This content type is not read here' },
  internal_error: { status: 500, title: 'Something went wrong here' },
  overloaded: { status: 503, title: 'Too much is going on' },
  dependency_down: { status: 503, title: 'A part this needs is down' },
  storage_full: { status: 503, title: 'There is no room left to store this' },
} satisfies Record<string, Problem>;

export type ProblemCode = keyof typeof problems;

export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly code: ProblemCode,
    detail: string = problems[code].title,
  ) {
    super(detail);
  }
}
