import { KEY, startOpenAI } from './openai.js';
import type { Environment } from '../../src/config/config.js';
import { eventually } from './lab.js';
import { openPeople, type People, type Session } from './people.js';

export const MODEL = 'model-of-tests';
export const PRICE = { input: 10, output: 20 };

export interface Message {
  role: string;
  content: string | null;
  tool_calls?: { id: string; function: { name: string; arguments: string } }[];
  tool_call_id?: string;
}

export interface Replied {
  conversationId: string;
  reply: string;
  cached: boolean;
  usage: { promptTokens: number; completionTokens: number; totalTokens: number; costUsd: number };
  budget: Record<string, unknown>;
}

export interface Spoken {
  id: string;
  title: string;
  updatedAt: string;
  turns: (Omit<Replied, 'budget'> & { id: string; message: string; cut: boolean })[];
  nextCursor: string | null;
}

interface Event {
  name: string;
  data: Record<string, unknown>;
}

export const eventsIn = (text: string): Event[] =>
  [...text.matchAll(/^event: (\w+)\ndata: (.*)\n\n/gm)].map(([, name = '', data = '']) => ({
    name,
    data: JSON.parse(data) as Event['data'],
  }));

export const textIn = (events: readonly Event[]): string =>
  events.flatMap(({ name, data }) => (name === 'delta' ? [String(data.text)] : [])).join('');

const usage = (prompt: number, completion: number) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
});

/** A whole answer of a provider. */
export const says = (message: object, finish = 'stop') => ({
  says: { choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: finish }], usage: usage(20, 5) },
});

/** The same as a stream of these pieces. */
export const streams = (deltas: object[], finish = 'stop') => ({
  says: [
    ...deltas.map((delta) => ({ choices: [{ index: 0, delta }] })),
    { choices: [{ index: 0, delta: {}, finish_reason: finish }] },
    { choices: [], usage: usage(20, 5) },
  ],
});

export const calling = (...calls: [name: string, given: string][]) => ({
  content: null,
  tool_calls: calls.map(([name, given], at) => ({ id: `call_${at}`, type: 'function', function: { name, arguments: given } })),
});

/** On a busy machine a process may well be behind, and says so before it does anything. */
export const patient = <T extends People>(people: T): T => ({
  ...people,
  send: (...request: Parameters<People['send']>) =>
    eventually(
      () => people.send(...request),
      ({ json }) => json.code !== 'overloaded',
    ),
});

/** Not what is kept of an equal question. */
const ANEW: Record<string, string> = { 'cache-control': 'no-store' };

/** The application before a provider with a ledger, and people who talk. */
export async function openChat(env: Environment = {}) {
  const provider = await startOpenAI({ words: 12 });
  const people = patient(
    await openPeople({
      RATE_LIMIT_PER_MINUTE: '0',
      RATE_LIMIT_USER_PER_MINUTE: '0',
      AI_BASE_URL: provider.url,
      AI_API_KEY: KEY,
      AI_MODEL: MODEL,
      AI_PRICES: JSON.stringify({ [MODEL]: PRICE }),
      ...env,
    }),
  );
  const ask = (body: unknown, as?: Session, headers = ANEW) => people.send('POST', '/ai/chat', body, as?.accessToken, headers);
  const standing = async (of: Session) =>
    (await people.send('GET', '/ai/usage', undefined, of.accessToken)).json as { used: number; reserved: number };
  return {
    ...{ provider, people, ask, standing },
    said: async (body: object, as: Session, headers = ANEW): Promise<Replied> => {
      const { status, text, json } = await ask(body, as, headers);
      if (status !== 200) throw new Error(text);
      return json as unknown as Replied;
    },
    streamed: async (body: object, as: Session, given = ANEW) => {
      const { status, headers, text } = await ask({ ...body, stream: true }, as, given);
      return { status, headers, events: eventsIn(text) };
    },
    /** A stream that is read as the test likes. */
    open: (body: object, as: Session, signal: AbortSignal) =>
      fetch(`${people.url}/api/v1/ai/chat`, {
        method: 'POST',
        headers: { ...ANEW, 'content-type': 'application/json', authorization: `Bearer ${as.accessToken}` },
        body: JSON.stringify({ ...body, stream: true }),
        signal,
      }),
    spoken: async (id: string, as: Session, query = ''): Promise<Spoken> => {
      const { json } = await people.send('GET', `/ai/conversations/${id}${query}`, undefined, as.accessToken);
      return json as unknown as Spoken;
    },
    conversations: async (as: Session, query = '') => {
      const { json } = await people.send('GET', `/ai/conversations${query}`, undefined, as.accessToken);
      return json as unknown as { items: (Omit<Spoken, 'turns'> & { turns: number })[]; nextCursor: string | null };
    },
    stored: async () => {
      const [row] = await people.rows<{ conversations: number; turns: number }>(
        'SELECT (SELECT count(*)::int FROM ai_conversations) AS conversations, (SELECT count(*)::int FROM ai_turns) AS turns',
      );
      return row;
    },
    settled: (of: Session) =>
      eventually(
        () => standing(of),
        ({ reserved }) => reserved === 0,
      ),
    /** What the provider was given to read by its last call. */
    read: (back = 1) => provider.ledger.at(-back)?.body.messages as Message[],
    budgetOf: (of: Session, dailyTokens: number) =>
      people.rows('INSERT INTO ai_budgets (user_id, daily_tokens) VALUES ($1, $2)', [of.user.id, dailyTokens]),
    close: async () => {
      await people.close();
      await provider.stop();
    },
  };
}

export type Chatting = Awaited<ReturnType<typeof openChat>>;
