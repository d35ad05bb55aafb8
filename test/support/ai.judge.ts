import { expect } from 'vitest';
import type { AiSite, Asker, Heard } from './ai.asking.js';
import { EQUAL, type Due } from './ai.schedules.js';
import { eventually } from './lab.js';
import type { Entry } from './openai.answers.js';

type Rows = AiSite['rows'];

/** In the database of a test: each step of each day is kept, with the limit as the statement saw it that made the step. */
export async function watch(rows: Rows, daily: number): Promise<void> {
  await rows(`
    CREATE TABLE ai_steps (n bigserial, user_id uuid, used bigint, reserved bigint, streams integer, more bigint, allowed bigint);
    CREATE FUNCTION keep_step(uuid, bigint, bigint, integer, bigint, bigint) RETURNS void LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO ai_steps (user_id, used, reserved, streams, more, allowed) VALUES ($1, $2, $3, $4, $5, $6); END $$;
    -- Stable, so that it sees no more than its statement did.
    CREATE FUNCTION see_step() RETURNS trigger STABLE LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM keep_step(NEW.user_id, NEW.used, NEW.reserved, NEW.streams, NEW.used + NEW.reserved - OLD.used - OLD.reserved,
          (SELECT coalesce((SELECT daily_tokens FROM ai_budgets WHERE user_id = NEW.user_id), ${daily})
            + (SELECT coalesce(sum(tokens), 0) FROM ai_grants WHERE user_id = NEW.user_id AND expires_at > now()))::bigint);
        RETURN NULL;
      END $$;
    CREATE TRIGGER steps AFTER UPDATE ON ai_days FOR EACH ROW EXECUTE FUNCTION see_step()`);
}

interface Step {
  user_id: string;
  used: number;
  reserved: number;
  streams: number;
  more: number;
  allowed: number;
}

interface Call {
  user_id: string;
  model: string;
  state: string;
  reserved: number;
  spent: number;
  cost_nanos: number;
}

type Day = Omit<Step, 'more' | 'allowed'> & { cost_nanos: number };

export interface Books {
  days: Day[];
  calls: Call[];
  steps: Step[];
}

const listOf = (table: string, order = '1') =>
  `(SELECT coalesce(json_agg(t ORDER BY ${order}), '[]') FROM ${table} t WHERE user_id = ANY($1)) AS ${table.slice(3)}`;
const BOOKS = `SELECT ${listOf('ai_days')}, ${listOf('ai_calls')}, ${listOf('ai_steps', 'n')}`;

/** Once nobody is asked any more, and nothing is kept back. */
export async function booksAtRest({ rows, provider }: Pick<AiSite, 'rows' | 'provider'>, askers: Asker[]): Promise<Books> {
  await provider.until(() => provider.ledger.every(({ done, goneAt }) => done || goneAt !== undefined));
  const [books] = await eventually(
    () => rows<Books & Record<string, unknown>>(BOOKS, [askers.map(({ id }) => id)]),
    ([found]) => found!.calls.every(({ state }) => state !== 'open'),
  );
  return books!;
}

const sum = (all: number[]) => all.reduce((total, each) => total + each, 0);
const usedOf = ({ promptTokens, completionTokens }: Entry) => promptTokens + completionTokens;

/** What holds whoever asked what: no step passes the limit, and at rest the days are the sums of their calls. */
export function judgeBooks({ days, calls, steps }: Books, mostStreams = 5): void {
  expect(steps.filter(({ used, reserved, more, allowed }) => more > 0 && used + reserved > allowed)).toEqual([]);
  expect(steps.filter(({ used, reserved, streams }) => Math.min(used, reserved, streams) < 0 || streams > mostStreams)).toEqual([]);
  for (const { user_id, used, reserved, streams, cost_nanos } of days) {
    const own = calls.filter((call) => call.user_id === user_id);
    const summed = { used: sum(own.map(({ spent }) => spent)), cost_nanos: sum(own.map((call) => call.cost_nanos)) };
    expect({ used, reserved, streams, cost_nanos }).toEqual({ ...summed, reserved: 0, streams: 0 });
    const mine = steps.filter((step) => step.user_id === user_id).map((step) => step.used);
    expect(mine).toEqual([...mine].sort((one, other) => one - other));
  }
  expect(calls.filter(({ spent, reserved }) => spent < 0 || spent > reserved)).toEqual([]);
}

function boundsOf(due: Due, { reserved }: Call, entry: Entry): [least: number, most: number] {
  const prompt = reserved - entry.maxTokens!;
  if (typeof due === 'object') return [Math.min(due.told, reserved), Math.min(due.told, reserved)];
  return {
    used: [usedOf(entry), usedOf(entry)],
    'at least used': [usedOf(entry), reserved],
    prompt: [prompt, prompt],
    all: [reserved, reserved],
    nothing: [0, 0],
    anything: [0, reserved],
  }[due] as [number, number];
}

const dueOf = ({ asked: { fate } }: Heard, entries: Entry[]): Due => (entries.length < (fate.tries ?? 1) ? 'nothing' : fate.due);

/** What is wrong with what was charged for a call, if anything. */
function faultIn(heard: Heard, call: Call | undefined, entries: Entry[]): string | undefined {
  const entry = entries.at(-1);
  if (!call) return entry && 'asked for without anything kept back';
  if (call.state !== 'settled') return `it is ${call.state}`;
  if (heard.status === 429) return 'kept back though it was refused';
  // Whoever leaves at any time may have left before it was sent.
  if (!entry) return call.spent > 0 && !heard.left ? 'charged though it was never sent' : undefined;
  const { maxTokens = Infinity, promptTokens } = entry;
  if (promptTokens + maxTokens > call.reserved) return `the provider was allowed ${promptTokens} and ${maxTokens}`;
  const [least, most] = boundsOf(dueOf(heard, entries), call, entry);
  return call.spent >= least && call.spent <= most ? undefined : `charged ${call.spent} in place of ${least} to ${most}`;
}

function isExpected(heard: Heard, entries: Entry[]): boolean {
  const { status } = heard;
  if (status === undefined || status === 429) return true;
  if (entries.length === 0) return status === 503;
  return dueOf(heard, entries) === 'nothing' ? status === 422 || status === 503 : status === 200;
}

/** Compares what was charged with the provider's own ledger. */
export function judge(books: Books, heard: Heard[], ledger: Entry[]): void {
  judgeBooks(books);
  const { calls, steps } = books;
  const own = heard.filter(({ asked }) => asked.equal === undefined);
  const wrong = own.flatMap((one) => {
    const entries = ledger.filter(({ model }) => model === one.model);
    const call = calls.find(({ model }) => model === one.model);
    const fault = faultIn(one, call, entries) ?? (isExpected(one, entries) ? undefined : 'not to be answered so');
    return fault === undefined ? [] : [{ fault, fate: one.asked.fate, status: one.status, call, entries }];
  });
  expect(wrong).toEqual([]);

  // Of equal ones any may be answered by another's answer, which costs nothing; all that was used is paid by somebody.
  const isEqual = ({ model }: { model: string }) => model === EQUAL;
  expect(sum(calls.filter(isEqual).map(({ spent }) => spent))).toBe(sum(ledger.filter(isEqual).map(usedOf)));

  const truthful: Due[] = ['used', 'at least used', 'anything'];
  for (const userId of new Set(steps.map(({ user_id }) => user_id))) {
    const answered = own.filter(({ model, left }) => !left && calls.some((call) => call.model === model && call.user_id === userId));
    const used = answered.flatMap((one) => {
      const entries = ledger.filter(({ model }) => model === one.model);
      return truthful.includes(dueOf(one, entries)) ? entries.slice(-1).map(usedOf) : [];
    });
    const highest = Math.max(...steps.filter((step) => step.user_id === userId).map(({ allowed }) => allowed));
    expect(sum(used)).toBeLessThanOrEqual(highest);
  }
}
