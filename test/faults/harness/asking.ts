import { requestOf } from '../../support/request.js';
import type { Intent, Journal, Outcome } from './journal.js';

/** Longer than nginx waits for any answer but the AI's. */
const MOST_MS = 45_000;

export interface Answer {
  /** 0 where there was none. */
  status: number;
  json: Record<string, unknown>;
  text: string;
  retryAfter: number;
  fault?: string;
}

export interface Question extends Intent {
  method?: 'GET' | 'POST';
  path: string;
  body?: unknown;
  token?: string;
  /** From where it comes, as the hop in front tells it. */
  address: string;
  headers?: Record<string, string>;
  /** After so many milliseconds whoever asks is gone. */
  leavesAfterMs?: number;
  /** Somebody left this very question without its answer a moment ago, so that it may still be worked on. */
  leftJustNow?: boolean;
  right: (answer: Answer) => boolean;
}

export async function send(
  url: string,
  { method = 'GET', path, body, token, address, headers, leavesAfterMs }: Omit<Question, keyof Intent | 'right'>,
): Promise<Answer> {
  const signal = AbortSignal.timeout(leavesAfterMs ?? MOST_MS);
  const asked = requestOf(method, body, token, { 'x-forwarded-for': address, ...headers });
  const none = { json: {}, text: '', retryAfter: 0 };
  try {
    const response = await fetch(`${url}${path}`, { ...asked, signal });
    const text = await response.text();
    const json = text.startsWith('{') ? (JSON.parse(text) as Answer['json']) : {};
    return { status: response.status, json, text, retryAfter: Number(response.headers.get('retry-after') ?? 0) };
  } catch (fault) {
    const { name, message, cause } = fault as Error;
    return { status: 0, ...none, fault: `${name}: ${message} ${cause instanceof Error ? cause.message : ''}`.trim() };
  }
}

/** Of people, `canary-<number>-`. */
export const canary = /canary-(\d+)-/g;

/** Whoever's mark is in it but his who asked. */
export const strangersIn = (text: string, who: string): string[] =>
  [...text.matchAll(canary)].map(([mark]) => mark).filter((mark) => !who.startsWith(mark));

const busy = [503, 429];

function judged(question: Question, answer: Answer): Pick<Outcome, 'verdict' | 'why'> {
  const { status, json, text, retryAfter, fault } = answer;
  if (status === 0 && question.leavesAfterMs !== undefined) return { verdict: 'left' };
  if (status === 0) return { verdict: 'broken', why: fault };
  const strangers = strangersIn(text, question.who);
  if (strangers.length > 0) return { verdict: 'foreign', why: `${question.path} showed ${strangers.join()} to ${question.who}` };
  if (question.right(answer)) return { verdict: 'right' };
  const runs = json.code === 'idempotency_in_progress';
  if (runs && retryAfter > 0 && question.leftJustNow) return { verdict: 'left' };
  const later = retryAfter > 0 && (busy.includes(status) || runs);
  return { verdict: later ? 'refused' : 'broken', why: `${status} ${typeof json.code === 'string' ? json.code : text.slice(0, 80)}` };
}

/** Asks once, with a word in the journal before and one after. */
export async function ask(url: string, journal: Journal, question: Question): Promise<Answer & { verdict: Outcome['verdict'] }> {
  const { kind, key, who, cents, campaign } = question;
  const n = journal.intend({ kind, key, who, ...(cents !== undefined && { cents, campaign }) });
  const began = performance.now();
  const answer = await send(url, question);
  const { verdict, why } = judged(question, answer);
  const id = typeof answer.json.id === 'string' ? answer.json.id : undefined;
  journal.hear(n, {
    status: answer.status,
    ms: performance.now() - began,
    verdict,
    ...(why !== undefined && { why: `${question.path.split('?')[0]}: ${why}` }),
    ...(id !== undefined && { id }),
  });
  return { ...answer, verdict };
}
