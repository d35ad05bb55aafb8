import { booksOf } from '../../support/donations.js';
import { pause } from '../../../src/kernel/waiting.js';
import { eventually } from '../../support/lab.js';
import { tally } from './figures.js';
import type { Asked } from './journal.js';
import { DAILY_TOKENS, type Site } from './site.js';

/** Longest that anything lies where a dead process left it: a message that was being sent, 40 s, and the look for it. */
const DRAIN_MS = 100_000;
const LOOK_MS = 250;

/** What must never be, each with what was seen of it. */
export interface Verdict {
  gifts: number;
  messages: number;
  /** Of those, the ones of which nobody knows whether they were sent. */
  unknown: number;
  /** Questions that the AI answered. */
  answered: number;
  /** Acknowledged, and not there in the end. */
  lost: string[];
  /** There twice, or done twice. */
  doubled: string[];
  /** Sums that are not those of the bank. */
  wrongSums: string[];
  /** Tokens beyond a budget, kept back for nobody, or answered for and not charged. */
  overspent: string[];
  foreign: string[];
  /** Answers that nobody should ever see, by what they were. */
  broken: string[];
}

/** Asks now and then until it is right, and gives what it was at last. */
export function settled<T>(ask: () => Promise<T>, right: (answer: T) => boolean, ms: number): Promise<T> {
  const slowly = async () => {
    const answer = await ask();
    if (!right(answer)) await pause(LOOK_MS);
    return answer;
  };
  return eventually(slowly, right, ms).catch(ask);
}

const acknowledged = (all: readonly Asked[], kind: Asked['kind']) =>
  all.filter((one) => one.kind === kind && one.outcome?.verdict === 'right');
const show = (facts: object) => JSON.stringify(facts);

interface Row {
  key: string;
  ids: string[];
  cents: number[];
  campaigns: string[];
}

/** Each gift that was acknowledged is there once, as it was wished; one of which nobody knows is there once at most. */
async function gifts({ rows }: Site, all: readonly Asked[], verdict: Verdict): Promise<void> {
  const wished = new Map(all.filter(({ kind }) => kind === 'gifts').map((one) => [one.key, one]));
  const told = new Map<string, Set<string>>();
  for (const { key, outcome } of acknowledged(all, 'gifts')) told.set(key, (told.get(key) ?? new Set()).add(outcome!.id!));
  verdict.gifts = told.size;
  const kept = await rows<Row>(
    `SELECT message AS key, array_agg(id::text) AS ids, array_agg(amount_cents::int) AS cents,
       array_agg(campaign_id::text) AS campaigns FROM donations WHERE message = ANY($1) GROUP BY 1`,
    [[...wished.keys()]],
  );
  const byKey = new Map(kept.map((row) => [row.key, row]));
  for (const [key, ids] of told) {
    const row = byKey.get(key);
    if (ids.size > 1) verdict.doubled.push(`gift ${key} was acknowledged as ${[...ids].join()}`);
    const { cents, campaign } = wished.get(key)!;
    if (!row || ![...ids].every((id) => row.ids.includes(id)) || row.cents[0] !== cents || row.campaigns[0] !== campaign)
      verdict.lost.push(`gift ${show({ key, told: [...ids], kept: row })}`);
  }
  for (const { key, ids } of kept) if (ids.length > 1) verdict.doubled.push(`gift ${key} is there as ${ids.join()}`);
}

const centsOf = (valor: string) => Number(valor.replace('.', ''));

/** The campaigns together have what the bank was paid, in every book, and no payment counts twice. */
async function sums({ rows, bank, campaigns }: Site, drainMs: number, verdict: Verdict): Promise<void> {
  const paid = [...bank.charges.values()].flatMap(({ pix = [] }) => pix).reduce((sum, { valor }) => sum + centsOf(valor), 0);
  const books = async () => {
    const each = await Promise.all(campaigns.map((id) => booksOf(rows, id)));
    const sum = (of: 'raised' | 'gifts' | 'ledger') => each.reduce((total, book) => total + book[of], 0);
    const cents = { raised: sum('raised'), gifts: sum('gifts'), ledger: sum('ledger') };
    return { cents, donors: each.map(({ donors, counted }) => ({ donors, counted })) };
  };
  const agree = ({ cents, donors }: Awaited<ReturnType<typeof books>>) =>
    Object.values(cents).every((each) => each === paid) && donors.every((each) => each.donors === each.counted);
  const found = await settled(books, agree, drainMs);
  if (!agree(found)) verdict.wrongSums.push(`the bank was paid ${paid}; ${show(found)}`);
  const twice = await rows<{ id: string }>(`SELECT donation_id::text AS id FROM ledger WHERE kind = 'gift' GROUP BY 1 HAVING count(*) > 1`);
  verdict.doubled.push(...twice.map(({ id }) => `gift ${id} counts more than once`));
}

const OPEN = ['later', 'queued', 'held', 'taken', 'sending'];
const AWAY = ['sent', 'delivered', 'read'];

/** Each message that was accepted ends, and Meta has taken none twice. */
async function messages({ rows, cloud }: Site, all: readonly Asked[], drainMs: number, verdict: Verdict): Promise<void> {
  const ids = [...new Set(acknowledged(all, 'messages').map(({ outcome }) => outcome!.id!))];
  verdict.messages = ids.length;
  const states = () =>
    rows<{ id: string; state: string }>(`SELECT id::text, state FROM whatsapp_messages WHERE id = ANY($1::uuid[])`, [ids]);
  const ended = await settled(states, (now) => now.every(({ state }) => !OPEN.includes(state)), drainMs);
  const known = new Map(ended.map(({ id, state }) => [id, state]));
  verdict.unknown = ended.filter(({ state }) => state === 'unknown').length;
  const heard = cloud.journal().filter(({ reference }) => reference !== undefined);
  const arrived = new Set(heard.map(({ id }) => id));
  for (const id of ids) {
    const state = known.get(id) ?? 'nowhere';
    // Meta refuses nobody here. `unknown` is promised where a process died in the middle: somebody is told to look.
    const isThere = state === 'unknown' || (AWAY.includes(state) && arrived.has(id));
    if (!isThere) verdict.lost.push(`message ${id} is ${state}${arrived.has(id) ? '' : ', and Meta has not taken it'}`);
  }
  const taken = new Map<string, number>();
  for (const { body } of heard) if (body.text?.body) taken.set(body.text.body, (taken.get(body.text.body) ?? 0) + 1);
  for (const [text, times] of taken) if (times > 1) verdict.doubled.push(`message ${text} was taken ${times} times`);
}

/** At rest nothing is kept back, neither we nor the provider counts more than anybody may use, and what was answered is charged. */
async function budgets({ rows, ai }: Site, all: readonly Asked[], drainMs: number, verdict: Verdict): Promise<void> {
  type Day = { email: string; used: number; reserved: number };
  const days = () => rows<Day>('SELECT u.email, d.used::int, d.reserved::int FROM ai_days d JOIN users u ON u.id = d.user_id');
  const found = await settled(days, (now) => now.every(({ reserved }) => reserved === 0), drainMs);
  for (const { email, used, reserved } of found)
    if (reserved > 0 || used + reserved > DAILY_TOKENS) verdict.overspent.push(show({ email, used, reserved }));
  const really = new Map<string, number>();
  for (const { body, promptTokens, completionTokens } of ai.ledger) {
    // The last question is that of whoever asks; those before it are his, too.
    const mark = /canary-\d+-/.exec(JSON.stringify(body.messages))?.[0] ?? 'nobody';
    really.set(mark, (really.get(mark) ?? 0) + promptTokens + completionTokens);
  }
  const answered = acknowledged(all, 'AI').filter(({ outcome }) => outcome!.status === 200);
  verdict.answered = answered.length;
  for (const who of new Set(answered.map((one) => one.who))) {
    const keys = answered.filter((one) => one.who === who).map(({ key }) => key);
    const least = keys.reduce((sum, key) => {
      const calls = ai.ledger.filter(({ body }) => JSON.stringify([body.messages]).includes(key));
      return sum + Math.min(...calls.map(({ promptTokens, completionTokens }) => promptTokens + completionTokens));
    }, 0);
    const charged = found.filter(({ email }) => email.startsWith(who)).reduce((sum, { used }) => sum + used, 0);
    if (charged < least) verdict.overspent.push(`${who} was answered for ${least} tokens and charged ${charged}`);
  }
  for (const [mark, tokens] of really)
    if (tokens > DAILY_TOKENS) verdict.overspent.push(`the provider was asked for ${tokens} tokens by ${mark}`);
}

function answers(all: readonly Asked[], verdict: Verdict): void {
  verdict.foreign = all.filter(({ outcome }) => outcome?.verdict === 'foreign').map(({ outcome }) => outcome?.why ?? '');
  verdict.broken = tally(all.filter(({ outcome }) => !outcome || outcome.verdict === 'broken'));
}

export const nothingSeen = (): Verdict => ({
  gifts: 0,
  messages: 0,
  unknown: 0,
  answered: 0,
  lost: [],
  doubled: [],
  wrongSums: [],
  overspent: [],
  foreign: [],
  broken: [],
});

export async function judge(site: Site, all: readonly Asked[], drainMs = DRAIN_MS): Promise<Verdict> {
  const verdict = nothingSeen();
  answers(all, verdict);
  await gifts(site, all, verdict);
  await sums(site, drainMs, verdict);
  await messages(site, all, drainMs, verdict);
  await budgets(site, all, drainMs, verdict);
  return verdict;
}

/** All of it that must never be. */
export const faultsIn = ({ lost, doubled, wrongSums, overspent, foreign, broken }: Verdict): string[] => [
  ...lost.map((what) => `lost: ${what}`),
  ...doubled.map((what) => `doubled: ${what}`),
  ...wrongSums.map((what) => `sums: ${what}`),
  ...overspent.map((what) => `overspent: ${what}`),
  ...foreign.map((what) => `foreign: ${what}`),
  ...broken.map((what) => `broken: ${what}`),
];
