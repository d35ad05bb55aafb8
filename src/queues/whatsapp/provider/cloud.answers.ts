import { z } from 'zod';
import { retryAfterMs } from '../../../kernel/waiting.js';
import type { Exchanged } from './cloud.exchange.js';
import { metaErrorByStatus, metaErrorOf, type MetaError } from './meta-errors.js';
import { parametersIn } from './parameters.js';
import type { KnownTemplate, Outcome } from './provider.js';

type Answer = Extract<Exchanged, { answered: true }>;

const LEAST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 3_600_000;
const AWAY_MS = 5_000;
const MOST_LETTERS = 300;
const RIGHT_ADDRESS = 'Compare WHATSAPP_API_URL and WHATSAPP_PHONE_NUMBER_ID with those of the app at Meta.';

/** Statuses with which no server answers what it has taken, whoever it is. */
const notMeta = [401, 403, 404, 405];

const sentShape = z.object({ messages: z.array(z.object({ id: z.string().regex(/^[!-~]{1,256}$/) })).min(1) });

const errorShape = z.object({
  error: z.object({
    code: z.int(),
    error_subcode: z.int().optional().catch(undefined),
    error_data: z.object({ details: z.string() }).optional().catch(undefined),
  }),
});

const templateShape = z.object({
  name: z.string(),
  language: z.string(),
  status: z.string(),
  category: z.string().catch(''),
  components: z.array(z.object({ type: z.string(), text: z.string().optional() }).catch({ type: '' })).catch([]),
});

const pageShape = z.object({
  data: z.array(z.unknown()),
  paging: z
    .object({ cursors: z.object({ after: z.string() }), next: z.string() })
    .optional()
    .catch(undefined),
});

/** What a call came to; `hide` takes out of a text what nobody may read. */
export function outcomeOf(exchanged: Exchanged, hide: (text: string) => string): Outcome {
  if (exchanged.answered) return answerOf(exchanged, hide);
  const { begun, left, why } = exchanged;
  if (left && !begun) return { kind: 'wait', why, waitMs: LEAST_WAIT_MS, whom: 'message' };
  return begun ? { kind: 'unknown', why } : { kind: 'wait', why: `Meta cannot be reached: ${why}`, waitMs: AWAY_MS, whom: 'all' };
}

function answerOf(answer: Answer, hide: (text: string) => string): Outcome {
  const { status } = answer;
  if (status >= 300 && status < 400) return { kind: 'fix', why: `answered with ${status}, a redirect`, advice: RIGHT_ADDRESS };
  const body = jsonOf(answer);
  if (status < 300) {
    const read = sentShape.safeParse(body);
    return read.success ? { kind: 'sent', reference: read.data.messages[0]!.id } : unknown(answer);
  }
  const read = errorShape.safeParse(body);
  if (!read.success) return strangeOf(answer);
  // Whoever fails in the middle may have taken it before, whatever he calls his failure.
  if (status >= 500) return { kind: 'unknown', why: `answered with ${status} and Meta's error ${read.data.error.code}` };
  const { code, error_subcode, error_data } = read.data.error;
  const error = metaErrorOf(code, error_subcode) ?? metaErrorByStatus(status);
  if (!error) return { kind: 'unknown', why: `answered with ${status} and an error ${code} that is on no list` };
  const details = hide(error_data?.details ?? '').replaceAll(/\p{Cc}/gu, ' ');
  const why = details === '' ? error.says : `${error.says}: ${Array.from(details).slice(0, MOST_LETTERS).join('')}`;
  return outcomeFor(error, answer, { why, code });
}

/** An error in the words of somebody else than Meta. */
function strangeOf(answer: Answer): Outcome {
  const { status } = answer;
  const why = `answered with ${status} and no error of Meta's`;
  if (notMeta.includes(status)) return { kind: 'fix', why, advice: RIGHT_ADDRESS };
  return status === 429 ? outcomeFor(metaErrorByStatus(status)!, answer, { why }) : unknown(answer);
}

function outcomeFor(error: MetaError, { headers }: Answer, told: { why: string; code?: number }): Outcome {
  if (error.kind === 'wait') {
    const after = retryAfterMs(headers['retry-after']);
    const waitMs = after === undefined ? error.waitMs : Math.min(Math.max(after, LEAST_WAIT_MS), LONGEST_WAIT_MS);
    return { kind: 'wait', ...told, waitMs, whom: error.whom };
  }
  const { says: _in, ...rest } = error;
  return { ...rest, ...told };
}

const unknown = ({ status, text }: Answer): Outcome => ({
  kind: 'unknown',
  why: text === undefined ? `answered with ${status} and without an end` : `answered with ${status} and nothing that Meta would say`,
});

/** A page of the list, and where the next one begins; `undefined` where it is none. */
export function pageOf(answer: Answer): { templates: KnownTemplate[]; after: string | undefined } | undefined {
  const read = answer.status === 200 ? pageShape.safeParse(jsonOf(answer)) : undefined;
  if (!read?.success) return undefined;
  const { data, paging } = read.data;
  return { templates: data.flatMap(templateOf), after: paging?.cursors.after };
}

function templateOf(given: unknown): KnownTemplate[] {
  const { success, data } = templateShape.safeParse(given);
  if (!success) return [];
  const { components, ...template } = data;
  const body = components.find(({ type }) => type.toUpperCase() === 'BODY')?.text ?? '';
  return [{ ...template, body, parameters: parametersIn(body) }];
}

function jsonOf({ text = '' }: Answer): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
