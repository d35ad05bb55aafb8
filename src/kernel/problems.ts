export interface Problem {
  status: number;
  title: string;
  /** What whoever gets it can do. */
  advice: string;
  /** Whether someone has to be told, as it is our fault or our machine's. */
  wakes: boolean;
}

const theirs = (status: number, title: string, advice: string): Problem => ({ status, title, advice, wakes: false });
const ours = (status: number, title: string, advice: string): Problem => ({ status, title, advice, wakes: true });

/** Every refusal the system can speak: a stable code, its status, its wording, whether someone is woken. */
export const problems = {
  bad_request: theirs(400, 'The request cannot be read', 'Mend the request; the same again is refused again.'),
  malformed_json: theirs(400, 'The body is not valid JSON', 'Send valid JSON in UTF-8.'),
  body_too_deep: theirs(400, 'The body is nested too deeply', 'Send JSON of at most 32 levels.'),
  too_many_fields: theirs(400, 'The body has too many fields', 'Send JSON of at most 10,000 names.'),
  idempotency_key_required: theirs(400, 'This needs an Idempotency-Key', 'Send one of your own, the same for each try of one gift.'),
  idempotency_key_invalid: theirs(400, 'The Idempotency-Key is not valid', 'Send 1 to 255 visible ASCII characters.'),
  unauthenticated: theirs(401, 'Sign in first', 'Send a valid access token or API key as Bearer.'),
  invalid_credentials: theirs(401, 'E-mail or password is wrong', 'Check both, or ask for a new password.'),
  otp_required: theirs(401, 'A second proof is needed', 'Send `otp`: a code of your app, or a recovery code.'),
  otp_invalid: theirs(401, 'The code is wrong or was used', 'Send the next code of your app, or another recovery code.'),
  refresh_token_invalid: theirs(401, 'This refresh token is not valid', 'Sign in again.'),
  forbidden: theirs(403, 'This is not yours to do', 'Ask someone whose role or key allows it.'),
  not_found: theirs(404, 'Not found', 'Check the address; what is not yours to see is not there either.'),
  model_not_found: theirs(404, 'There is no such model here', 'Ask for a model that the list of models names.'),
  too_slow: theirs(408, 'The request took too long to arrive', 'Send it whole within 30 seconds.'),
  conflict: theirs(409, 'This does not fit the present state', 'Read the present state, then decide again.'),
  campaign_not_open: theirs(409, 'The campaign takes no gifts now', 'Read its present status; look for another campaign.'),
  idempotency_in_progress: theirs(409, 'The first try is still under way', 'Send the same again in a second.'),
  campaign_state: theirs(409, 'The campaign is not in a state for that', 'Read its present status, then decide again.'),
  window_closed: theirs(409, 'This person may only be sent a template', 'Send a template, or wait until they write.'),
  email_taken: theirs(409, 'Somebody has this e-mail address', 'Sign in with it, or use another.'),
  precondition_failed: theirs(412, 'It was changed meanwhile', 'Read it again and send its new version in If-Match.'),
  too_large: theirs(413, 'The body is too large', 'Send less.'),
  unsupported_type: theirs(415, 'This content type is not read here', 'Send the content type that the documentation names.'),
  range_not_satisfiable: theirs(416, 'It does not have these bytes', 'Ask for bytes that it has; Content-Range says how many there are.'),
  expectation_failed: theirs(417, 'This expectation is not met here', 'Send no Expect but 100-continue.'),
  cursor_not_valid: theirs(422, 'The cursor is not valid here', 'Begin again without one, with the same filters.'),
  idempotency_key_reused: theirs(422, 'This Idempotency-Key belongs to another request', 'Take a new key for a new gift.'),
  link_invalid: theirs(422, 'This link is not valid, or not any more', 'Ask for a new one.'),
  ai_request_refused: theirs(422, 'The AI provider does not take this request', 'Mend the request as its words say.'),
  model_not_priced: theirs(422, 'This model has no price here', 'Ask for a model that the list of models names.'),
  question_not_understood: theirs(
    422,
    'This question is not understood',
    'Ask one of the questions that `errors` suggests, or in other words.',
  ),
  sql_refused: theirs(422, 'This statement is refused', 'Ask one SELECT over the published tables, with functions that only compute.'),
  validation_failed: theirs(422, 'Validation failed', 'Mend the fields that `errors` names.'),
  rate_limited: theirs(429, 'Too many requests', 'Wait as many seconds as Retry-After says.'),
  token_budget_exhausted: theirs(429, 'The AI budget of the day is used up', 'Wait until it begins anew, or ask for more.'),
  too_many_streams: theirs(429, 'Too many streams are open', 'End one, or wait for one to end.'),
  too_many_waiting: theirs(429, 'As many of yours wait as may', 'Wait until one of yours has been taken, as Retry-After says.'),
  headers_too_large: theirs(431, 'The headers are too large', 'Send less than 16 KB of headers.'),
  internal_error: ours(500, 'Something went wrong here', 'Try again; where it stays, tell us the request id.'),
  overloaded: ours(503, 'Too much is going on', 'Wait as many seconds as Retry-After says.'),
  dependency_down: ours(503, 'A part this needs is down', 'Wait as many seconds as Retry-After says.'),
  storage_full: ours(503, 'There is no room left to store this', 'Wait as many seconds as Retry-After says.'),
} satisfies Record<string, Problem>;

export type ProblemCode = keyof typeof problems;

/** What is wrong with one field. */
export interface FieldFault {
  path: string;
  message: string;
}

export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly code: ProblemCode,
    detail: string = problems[code].title,
    readonly errors?: readonly FieldFault[],
    /** What else the answer tells. */
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
  }
}

/** The text of `docs/errors.md`. */
export function problemsDocument(): string {
  const rows = Object.entries(problems as Record<string, Problem>).map(
    ([code, { status, title, advice, wakes }]) => `| \`${code}\` | ${status} | ${title} | ${advice} | ${wakes ? 'yes' : ''} |`,
  );
  return [
    '# Errors',
    '',
    'Every refusal is `application/problem+json` (RFC 9457) with `type`, `title`, `status`, `code`, `detail`, `instance` and `requestId`;',
    '`instance` is left out where the request could not be read, so that nobody knows what it was for.',
    '`validation_failed` adds `errors`, a list of `{path, message}`. `code` is stable. Every 503 and 429 carries `Retry-After`.',
    'Under `/v1` the same refusals come in the shape that clients of OpenAI expect: `{"error": {"message", "type", "param", "code"}}`.',
    '',
    '| code | status | title | what to do | someone is woken |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
