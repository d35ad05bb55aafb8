import { watch } from './ai.judge.js';
import { EQUAL, WORDS, type Act, type Ask, type Schedule } from './ai.schedules.js';
import { freshDatabase, freshRedis } from './fresh.js';
import { openSite, type Site } from './gifts.site.js';
import { eventually } from './lab.js';
import { KEY, startOpenAI } from './openai.js';
import { newEmail, PASSWORD } from './people.js';

/** Far more than a schedule has, so that whoever left one late is not taken for one of the next. */
const MODELS = 200;
/** Nobody waits longer for an answer. */
const MOST_MS = 30_000;
export const DAILY = 2_000;

/** Each call has a model of its own, by which it is known in the ledger, in the books and in what people are shown. */
const models = Array.from({ length: MODELS }, (_, n) => `m${n}`);

export interface Asker {
  id: string;
  token: string;
}

/** A call, and what came of it. */
export interface Heard {
  asked: Ask;
  model: string;
  /** Nothing where its caller left before there was one. */
  status?: number;
  left: boolean;
}

/** Two processes of the whole application, and a provider for which each byte is a token, as for the worst of tokenizers. */
export async function openAiSite({ words = WORDS, env = {} }: { words?: number; env?: Readonly<Record<string, string>> } = {}) {
  const tokensOf = (text: string) => Buffer.byteLength(text);
  const [database, redis, provider] = await Promise.all([freshDatabase(), freshRedis(), startOpenAI({ words, tokensOf })]);
  await watch(database.rows, DAILY);
  const site = await openSite(
    { databaseUrl: database.url, redisUrl: redis.url, rows: database.rows },
    {
      AI_BASE_URL: provider.url,
      AI_API_KEY: KEY,
      AI_MODEL: EQUAL,
      AI_PRICES: JSON.stringify(Object.fromEntries([EQUAL, ...models].map((model, n) => [model, { input: n, output: 2 * n }]))),
      AI_DAILY_TOKENS: String(DAILY),
      // No day ends while it runs.
      AI_RESET_TIMEZONE: new Date().getUTCHours() < 22 ? 'UTC' : 'America/Sao_Paulo',
      RATE_LIMIT_PER_MINUTE: '0',
      ...env,
    },
  );
  async function person(budget: number): Promise<Asker> {
    const body = { email: newEmail(), name: 'Ana', password: PASSWORD };
    const { accessToken, user } = (await site.send(0, 'POST', '/auth/register', { body }))!.json;
    const asker = { id: (user as { id: string }).id, token: String(accessToken) };
    await allow(site, 0, asker, budget);
    return asker;
  }
  let calls = 0;
  return {
    ...{ site, provider, person, redis },
    rows: database.rows,
    nextModel: () => models[(calls += 1) % MODELS]!,
    close: async () => {
      await site.close();
      await Promise.all([database.drop(), redis.stop(), provider.stop()]);
    },
  };
}

export type AiSite = Awaited<ReturnType<typeof openAiSite>>;

export const allow = (site: Site, at: number, { id }: Asker, dailyTokens: number | null) =>
  site.send(at, 'PUT', `/ai/budgets/${id}`, { body: { dailyTokens }, token: site.admin });

const grant = (site: Site, at: number, { id }: Asker, tokens: number) =>
  site.send(at, 'POST', `/ai/budgets/${id}/grants`, {
    body: { tokens, reason: 'Relatório', expiresAt: new Date(Date.now() + 3_600_000).toISOString() },
    token: site.admin,
  });

export const complete = (site: Site, at: number, { token }: Asker, body: object, signal?: AbortSignal) =>
  fetch(`${site.labs[at]!.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
    signal,
  });

/** Reads to its end, or so many events of it. Whether there was an end. */
export async function readEvents({ body }: Response, most = Infinity): Promise<boolean> {
  let text = '';
  for await (const part of body!.pipeThrough(new TextDecoderStream())) {
    text += part;
    if ((text.match(/^data: /gm)?.length ?? 0) >= most) return false;
  }
  return true;
}

/** Asks as it was wished, and leaves when it was wished. */
async function ask({ site, provider }: AiSite, asker: Asker, model: string, asked: Ask): Promise<Heard> {
  const { at, streamed, fate, body, equal } = asked;
  for (const how of fate.how ?? []) provider.behave(how, { of: model, times: 1 });
  const question = equal === undefined ? body : { temperature: 0, messages: [{ role: 'user', content: `${asker.id} ${equal}` }] };
  const stream = streamed ? { stream: true, stream_options: { include_usage: true } } : {};
  const over = new AbortController();
  const heard: Heard = { asked, model, left: false };
  const leave = () => {
    heard.left = true;
    over.abort();
  };
  const timers = [setTimeout(() => over.abort(new Error(`${model}: no answer within ${MOST_MS} ms`)), MOST_MS)];
  if (fate.leavesInMs !== undefined) timers.push(setTimeout(leave, fate.leavesInMs));
  if (fate.leavesAfter === 0) void provider.entry((entry) => entry.model === model).then(leave);
  try {
    const answer = await complete(site, at, asker, { ...question, ...stream, model }, over.signal);
    heard.status = answer.status;
    if (!(await readEvents(answer, fate.leavesAfter))) leave();
  } catch (fault) {
    if (!heard.left) throw fault;
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
  return heard;
}

/** While it is done, somebody looks again and again at how those stand who ask. */
async function whileLooking<T>({ site }: AiSite, askers: Asker[], work: () => Promise<T>): Promise<T> {
  const looking = { over: false };
  const used = askers.map(() => 0);
  const look = async () => {
    for (let at = 0; !looking.over; at = 1 - at)
      for (const [who, { token }] of askers.entries()) {
        const standing = (await site.send(at, 'GET', '/ai/usage', { token }))!.json as Record<
          'limit' | 'used' | 'reserved' | 'remaining',
          number
        >;
        const { limit, reserved, remaining } = standing;
        const isWhole = standing.used >= used[who]! && reserved >= 0 && remaining === Math.max(0, limit - standing.used - reserved);
        if (!isWhole) throw new Error(`one is shown ${JSON.stringify(standing)} after ${used[who]} used`);
        used[who] = standing.used;
      }
  };
  const [done] = await Promise.all([work().finally(() => (looking.over = true)), look()]);
  return done;
}

/** Round after round, each at once. Whoever left may not yet be forgotten. */
export async function carryOut(all: AiSite, { budgets, rounds }: Schedule): Promise<{ askers: Asker[]; heard: Heard[] }> {
  const { site, provider, person } = all;
  const askers = await Promise.all(budgets.map(person));
  provider.behave('well');
  provider.ledger.length = 0;
  const act = async (one: Act): Promise<Heard[]> => {
    const asker = askers[one.who]!;
    if (one.does === 'ask') return [await ask(all, asker, one.equal === undefined ? all.nextModel() : EQUAL, one)];
    const done = await (one.does === 'budget' ? allow(site, one.at, asker, one.tokens) : grant(site, one.at, asker, one.tokens));
    if (!done || done.status >= 300) throw new Error(`not done: ${done?.text}`);
    return [];
  };
  const heard = await whileLooking(all, askers, async () => {
    const told: Heard[][] = [];
    for (const round of rounds) told.push(...(await Promise.all(round.map(act))));
    return told.flat();
  });
  return { askers, heard };
}

/** Both processes ask the provider, so that neither still leaves it alone after what went wrong before. */
export async function settleDown({ site, person }: AiSite): Promise<void> {
  const asker = await person(1_000_000);
  for (const at of [0, 1])
    await eventually(
      async () => {
        const answer = await complete(site, at, asker, { messages: [{ role: 'user', content: 'Oi' }], max_tokens: 1 });
        await answer.text();
        return answer.status;
      },
      (status) => status === 200,
    );
}
