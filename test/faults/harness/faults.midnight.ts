import { pause } from '../../../src/kernel/waiting.js';
import { send } from './asking.js';
import { startCrowd } from './crowd.js';
import { done, everything, fault, type Ground } from './fault.js';
import { sparedOf } from './figures.js';
import { openJournal, type Asked } from './journal.js';
import { faultsIn, judge } from './judge.js';
import { startLater } from './later.js';
import type { Person } from './people.js';
import type { Site } from './site.js';

const DAY_MS = 86_400_000;
/** From the first step towards the small site: it has to be there, and people who ask. */
const COMES_AFTER_MS = 110_000;
const LEAST_BEFORE_MS = 15_000;
const AFTER_MS = 20_000;
/** So few that whoever asks all the while has none left before the day ends. */
const DAILY_TOKENS = 3_000;
const SLEEPLESS = 10;
const BEGIN_BEFORE_MS = 1_500;
/** Of an answer of a dozen words. */
const WORD_MS = 300;
/** So long before midnight somebody has been told nothing else. */
const LAST_MS = 5_000;
/** Whoever was told that his budget of the day is spent asks again by then. */
const AGAIN_MS = 5_000;
const MOST_FAILED = 0.001;
const P95_MS = 500;

const untilMs = (at: number) => pause(at - performance.now());

/** People whose answers begin before midnight and end after it. */
async function askOver({ url, ai }: Site, people: readonly Person[], midnight: number): Promise<string[]> {
  await untilMs(midnight - BEGIN_BEFORE_MS);
  ai.behave({ pieceMs: WORD_MS });
  const asking = people.map(({ token, address, mark }) =>
    send(url, { method: 'POST', path: '/api/v1/ai/chat', body: { message: `${mark}: quanto falta para o telhado?` }, token, address }),
  );
  await untilMs(midnight);
  ai.behave('well');
  const answers = await Promise.all(asking);
  return answers.flatMap(({ status, text, fault }) => (status === 200 ? [] : [`over midnight: ${status} ${fault ?? text.slice(0, 100)}`]));
}

interface Books {
  calls: number;
  over: number;
  astray: number;
  unlike: number;
  beyond: number;
  used: number;
}

/** What the system has written down of the two days. */
async function booksOf({ rows }: Site, midnight: Date): Promise<Books> {
  const [calls] = await rows<Pick<Books, 'calls' | 'over' | 'astray'>>(
    `SELECT count(*)::int AS calls, count(*) FILTER (WHERE began_at < $1 AND ended_at > $1)::int AS over,
       count(*) FILTER (WHERE day <> (began_at AT TIME ZONE 'UTC')::date)::int AS astray FROM ai_calls`,
    [midnight],
  );
  const [days] = await rows<Pick<Books, 'unlike' | 'beyond' | 'used'>>(
    `SELECT count(*) FILTER (WHERE d.used <> coalesce(c.spent, 0) OR d.reserved <> 0)::int AS unlike,
       count(*) FILTER (WHERE d.used > $1)::int AS beyond, coalesce(sum(d.used), 0)::int AS used
     FROM ai_days d LEFT JOIN (SELECT user_id, day, sum(spent) AS spent FROM ai_calls GROUP BY 1, 2) c USING (user_id, day)`,
    [DAILY_TOKENS],
  );
  return { ...calls!, ...days! };
}

const SPENT = 429;

/** Those who at last were only told that nothing is left, and how long after midnight the last of them was answered again. */
function newDay(all: readonly Asked[], midnight: number) {
  const asked = all.filter(({ kind, outcome }) => kind === 'AI' && outcome);
  const atLast = asked.filter(({ at }) => at < midnight && at > midnight - LAST_MS);
  const fed = new Set(atLast.filter(({ outcome }) => outcome!.status !== SPENT).map(({ who }) => who));
  const spent = new Set(atLast.map(({ who }) => who).filter((who) => !fed.has(who)));
  const waits = [...spent].map((who) => {
    const again = asked.find((one) => one.who === who && one.at >= midnight && one.outcome!.status === 200);
    return again ? again.at - midnight : Infinity;
  });
  return { spent: spent.size, longestMs: Math.round(Math.max(...waits)) };
}

async function midnightComes({ site, draw, note }: Ground): Promise<string[]> {
  const midnight = performance.now() + COMES_AFTER_MS;
  const ends = new Date((Math.floor(Date.now() / DAY_MS) + 1) * DAY_MS);
  const aheadMs = ends.getTime() - Date.now() - COMES_AFTER_MS;
  const { later, close } = await startLater(site, aheadMs, { AI_DAILY_TOKENS: String(DAILY_TOKENS), AI_RESET_TIMEZONE: 'UTC' });
  const journal = openJournal();
  try {
    const sleepless = await later.newcomers(SLEEPLESS);
    const crowd = await startCrowd(later, journal, Math.floor(draw() * 1e6), { relieved: false });
    const since = performance.now();
    if (midnight - since < LEAST_BEFORE_MS) throw new Error(`people could ask only ${Math.round(midnight - since)} ms before midnight`);
    const { json } = await send(later.url, { path: '/api/v1/ai/usage', token: sleepless[0]!.token, address: sleepless[0]!.address });
    const wrong = await askOver(later, sleepless, midnight);
    await untilMs(midnight + AFTER_MS);
    await crowd.stop();
    const asked = journal.read();
    const [verdict, { failed, asked: many, p95Ms, met }] = [await judge(later, asked), sparedOf(asked, everything, since, Infinity)];
    const { calls, over, astray, unlike, beyond, used } = await booksOf(later, ends);
    const { spent, longestMs } = newDay(asked, midnight);
    const provided = later.ai.ledger.reduce((sum, { promptTokens, completionTokens }) => sum + promptTokens + completionTokens, 0);
    note(
      `${over} of ${calls} calls were under way at midnight, each charged to the day on which it began; ${used.toLocaleString('en')} tokens were used and charged once; ` +
        `${spent} who had none left were answered again ${longestMs} ms after it; of all ${many.toLocaleString('en')} questions there ${failed} failed, P95 ${p95Ms} ms`,
    );
    return [
      ...wrong,
      ...faultsIn(verdict),
      ...(json.resetsAt === ends.toISOString() ? [] : [`the day was to end at ${String(json.resetsAt)} instead of ${ends.toISOString()}`]),
      ...(over < SLEEPLESS ? [`only ${over} calls were under way at midnight`] : []),
      ...(astray + unlike + beyond > 0
        ? [`${astray} calls are charged to another day, ${unlike} days have other sums, ${beyond} are overspent`]
        : []),
      ...(provided === used ? [] : [`the provider was asked for ${provided} tokens, and ${used} are charged`]),
      ...(spent === 0 || longestMs > AGAIN_MS ? [`${spent} had none left, and were answered again after ${longestMs} ms`] : []),
      ...(failed > many * MOST_FAILED || p95Ms > P95_MS ? [`${failed} of ${many} failed (${met.join(', ')}), P95 ${p95Ms} ms`] : []),
    ];
  } finally {
    journal.close();
    await close();
  }
}

export const midnightFaults = [
  fault({
    name: 'midnight comes, to a site of its own whose people ask the AI without a pause',
    promise: 'each call is charged to the day on which it began, neither day is overspent, and the new one is whole; nobody else notices',
    ...{ seconds: 1, spares: everything, backSeconds: 1 },
    async inject(ground) {
      const wrong = await midnightComes(ground);
      if (wrong.length > 0) throw new Error(wrong.join('; '));
      return done;
    },
  }),
];
