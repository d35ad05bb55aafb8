import { isPublic, type Campaigns } from '../../campaigns/campaigns.service.js';
import { Refusal } from '../../kernel/problems.js';
import type { Question } from './question.js';
import { sayings, type Sayings, type Shown } from './sayings.js';
import { plainWords } from './words.js';

const LISTED = 5;
const TOLD_WHOLE = 3;
const SEARCHED = 20;
const LOOKED_AT = 100;
/** Of no more bare words than these some are enough. */
const FEW_WORDS = 3;

interface Found {
  items: Shown[];
  total: number;
  allWords: boolean;
}

export async function answerTo(question: Question, campaigns: Campaigns): Promise<string> {
  const say = sayings[question.language];
  const { about, overall } = question;
  const looksFor = question.words.length + question.handles.length > 0;
  switch (about) {
    case 'help':
    case 'itself':
    case 'thanks':
    case 'unknown':
    case 'donors':
    case 'refund':
    case 'receipt':
    case 'anonymity':
    case 'guests':
      return say[about];
    case 'giving':
      return [say.giving, ...(await meantFor(question, campaigns)).map(say.line)].join('\n');
    case 'newest':
    case 'ended':
    case 'ending':
    case 'closest':
    case 'richest':
      return (await lookedFor(question, campaigns)) ?? lists[about](say, campaigns);
    case 'search':
    case 'count':
    case 'progress':
      if (looksFor) return (await lookedFor(question, campaigns)) ?? say.noneFound;
      if (about === 'search') return open(say, campaigns);
      return about === 'count' || overall ? totals(say, campaigns) : say.whichOne;
    case 'anything':
      return (await lookedFor(question, campaigns)) ?? say.unknown;
  }
}

/** By what it is called, or by words; `undefined` where nothing fits. */
async function lookedFor(question: Question, campaigns: Campaigns): Promise<string | undefined> {
  const { about, words, language } = question;
  const say = sayings[language];
  const named = await namedIn(question, campaigns);
  if (named.length > 0) return named.map(say.progress).join('\n');
  const found = await find(words, campaigns);
  // A question of its own, or a long text, happens to share a word with some campaign.
  const needsAll = about in lists || (about === 'anything' && words.length > FEW_WORDS);
  if (found.items.length === 0 || (needsAll && !found.allWords)) return undefined;
  return about === 'progress' ? tell(say, titledBy(words, found), TOLD_WHOLE) : tell(say, found, 1);
}

/** Those that somebody wants to give to, where all that he says fits them. */
async function meantFor(question: Question, campaigns: Campaigns): Promise<Shown[]> {
  const named = await namedIn(question, campaigns);
  if (named.length > 0) return named;
  const found = await find(question.words, campaigns);
  return found.allWords ? titledBy(question.words, found).items.slice(0, TOLD_WHOLE) : [];
}

/** Whole where there are no more than so many, else one line for each. */
function tell(say: Sayings, { items, total, allWords }: Found, mostWhole: number): string {
  if (allWords && total <= mostWhole) return items.map(say.progress).join('\n');
  return list(say, say.found(total, allWords), items, total);
}

/** Those whose title was said are meant, if there are any. */
function titledBy(words: readonly string[], found: Found): Found {
  const items = found.items.filter(({ title }) => words.every((word) => plainWords(title).includes(word)));
  return items.length > 0 ? { ...found, items, total: items.length } : found;
}

/** With all of the words, or where there is none, with some of them. */
async function find(words: readonly string[], campaigns: Campaigns): Promise<Found> {
  if (words.length === 0) return { items: [], total: 0, allWords: true };
  const all = await campaigns.shown({ q: words.join(' '), take: SEARCHED });
  if (all.total > 0 || words.length === 1) return { ...all, allWords: true };
  return { ...(await campaigns.shown({ q: words.join(' or '), take: SEARCHED })), allWords: false };
}

async function namedIn({ handles }: Question, campaigns: Campaigns): Promise<Shown[]> {
  const named = await Promise.all(handles.map((handle) => campaigns.seenBy(undefined, handle).catch(noneOf)));
  return named.filter((one) => one !== undefined).filter(({ status }) => isPublic(status));
}

function noneOf(fault: unknown): undefined {
  if (!(fault instanceof Refusal)) throw fault;
}

const lists = {
  newest: async (say: Sayings, campaigns: Campaigns) =>
    list(say, say.newest, (await campaigns.shown({ status: 'active', take: LISTED })).items),
  ended: async (say: Sayings, campaigns: Campaigns) =>
    list(say, say.ended, (await campaigns.shown({ status: 'ended', take: LISTED })).items),
  ending: async (say: Sayings, campaigns: Campaigns) => {
    const { items } = await campaigns.shown({ status: 'active', sort: 'endsAt', take: LISTED });
    const limited = items.filter(({ endsAt }) => endsAt !== null);
    return list(say, say.ending, limited);
  },
  richest: async (say: Sayings, campaigns: Campaigns) =>
    list(say, say.richest, (await campaigns.shown({ sort: '-raisedCents', take: LISTED })).items),
  closest,
};

async function closest(say: Sayings, campaigns: Campaigns): Promise<string> {
  const { items, total } = await campaigns.shown({ status: 'active', sort: '-raisedCents', take: LOOKED_AT });
  const share = ({ raisedCents, goalCents }: Shown) => raisedCents / goalCents;
  const under = items.filter((one) => share(one) > 0 && share(one) < 1).sort((one, other) => share(other) - share(one));
  return list(say, say.closest(total > items.length ? items.length : undefined), under.slice(0, LISTED));
}

async function totals(say: Sayings, campaigns: Campaigns): Promise<string> {
  const [all, { total: open }] = await Promise.all([
    campaigns.shown({ sort: '-raisedCents', take: LOOKED_AT }),
    campaigns.shown({ status: 'active', take: 1 }),
  ]);
  const raisedCents = all.items.reduce((sum, one) => sum + one.raisedCents, 0);
  return say.totals({ total: all.total, open, summed: all.items.length, raisedCents });
}

async function open(say: Sayings, campaigns: Campaigns): Promise<string> {
  const { items, total } = await campaigns.shown({ status: 'active', take: LISTED });
  return total === 0 ? say.noneOpen : list(say, say.open(total), items, total);
}

function list(say: Sayings, head: string, items: readonly Shown[], total = items.length): string {
  if (items.length === 0) return say.noneThere;
  const listed = items.slice(0, LISTED);
  return [head, ...listed.map(say.line), ...(total > listed.length ? [say.more(total - listed.length)] : [])].join('\n');
}
