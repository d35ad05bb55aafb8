import { countOf, timeAt } from './dates.js';
import type { Dimension, Filter, Meaning, Measure, Said, Subject } from './meaning.js';
import { silent, type Concept } from './model.js';
import { conceptAt, languageOf, NAME, wordsOf } from './words.js';

const MOST_LIMIT = 100;
const PLURAL_LIMIT = 10;

const dimensions: Partial<Record<Concept, Dimension>> = {
  ...{
    campaigns: 'campaign',
    day: 'day',
    week: 'week',
    month: 'month',
    year: 'year',
    weekday: 'weekday',
    method: 'method',
    status: 'status',
  },
  ...{ model: 'model', category: 'category', template: 'template' },
};
const adverbs: Partial<Record<Concept, Dimension>> = { daily: 'day', weekly: 'week', monthly: 'month', yearly: 'year' };
const filters: Partial<Record<Concept, Pick<Filter, 'what' | 'value'>>> = {
  ...{ pix: { what: 'method', value: 'pix' }, card: { what: 'method', value: 'card' }, anonymous: { what: 'anonymous', value: 'true' } },
  broadcast: { what: 'lane', value: 'broadcast' },
  ...Object.fromEntries(
    (
      [
        'refunded',
        'pending',
        'expired',
        'failed',
        'confirmed',
        'active',
        'paused',
        'ended',
        'draft',
        'delivered',
        'read',
        'sent',
        'suppressed',
        'queued',
      ] as const
    ).map((value) => [value, { what: 'status', value }]),
  ),
};
const statusesOf: Record<Subject, readonly string[]> = {
  gifts: ['confirmed', 'refunded', 'pending', 'expired', 'failed'],
  campaigns: ['active', 'paused', 'ended', 'draft'],
  messages: ['delivered', 'read', 'sent', 'failed', 'suppressed', 'queued'],
  ai: [],
};
const dimensionsOf: Record<Subject, readonly Dimension[]> = {
  gifts: ['campaign', 'day', 'week', 'month', 'year', 'weekday', 'method', 'status', 'category'],
  campaigns: ['campaign', 'status', 'category', 'day', 'week', 'month', 'year'],
  messages: ['campaign', 'day', 'week', 'month', 'year', 'weekday', 'status', 'template'],
  ai: ['day', 'week', 'month', 'year', 'weekday', 'model'],
};

const figures = new Set<string>(['money', 'gifts', 'donors', 'messages', 'average', 'conversion', 'cost', 'tokens', 'calls']);

interface Step {
  concept: Concept | 'name' | 'count' | 'amount';
  value: number;
  word: string;
}

const amountOf = (word: string): number | undefined => {
  if (!/^\d/.test(word)) return undefined;
  const decimal = /[.,]\d{1,2}$/.test(word) ? word.slice(-(word.length - Math.max(word.lastIndexOf(','), word.lastIndexOf('.')) - 1)) : '';
  const whole = (decimal === '' ? word : word.slice(0, -decimal.length - 1)).replaceAll(/[.,]/g, '');
  return Number(whole) * 100 + Number(decimal.padEnd(2, '0') || 0);
};

/** The words in their order, as far as they mean something; times are taken out of them. */
function stepsOf(words: readonly string[], today: string) {
  const steps: Step[] = [];
  const unknown: string[] = [];
  let period: Said['period'] = null;
  for (let at = 0; at < words.length;) {
    const word = words[at] ?? '';
    const time = timeAt(words, at, today);
    const found = conceptAt(words, at);
    const last = steps.at(-1)?.concept;
    if (time && !period) {
      ({ period } = time);
      at += time.length;
    } else if (word === NAME) {
      steps.push({ concept: 'name', value: 0, word });
      at += 1;
    } else if ((last === 'above' || last === 'below') && amountOf(word) !== undefined) {
      steps.push({ concept: 'amount', value: amountOf(word) ?? 0, word });
      at += words[at + 1] === 'reais' ? 2 : 1;
    } else if (found) {
      steps.push({ concept: found.concept, value: 0, word });
      at += found.length;
    } else if (countOf(word) !== undefined && !/^(um|uma|one)$/.test(word)) {
      steps.push({ concept: 'count', value: countOf(word) ?? 0, word });
      at += 1;
    } else {
      if (!silent.has(word) && word !== 'r$' && word !== 'reais') unknown.push(word);
      at += 1;
    }
  }
  return { steps, unknown, period };
}

function subjectOf(has: (...all: Concept[]) => boolean): Subject | null {
  if (has('ai', 'tokens', 'calls')) return 'ai';
  if (has('messages', 'readRate', 'deliveryRate')) return 'messages';
  if (has('goal', 'remaining') && !has('gifts', 'donors', 'conversion')) return 'campaigns';
  if (has('gifts', 'money', 'donors', 'conversion', 'average', 'pix', 'card')) return 'gifts';
  return has('campaigns') ? 'campaigns' : null;
}

function measureOf(subject: Subject | null, has: (...all: Concept[]) => boolean, extreme: Measure | null): Measure | null {
  switch (subject) {
    case 'ai':
      if (has('tokens')) return 'tokens';
      return has('cost', 'howMuch', 'money') ? 'cost' : 'calls';
    case 'messages':
      if (has('readRate')) return 'readRate';
      return has('deliveryRate') ? 'deliveryRate' : 'messages';
    case 'campaigns':
      if (has('remaining')) return 'remaining';
      return has('goal') ? 'goal' : 'campaigns';
    case 'gifts':
      if (has('conversion')) return 'conversion';
      if (has('average')) return 'average';
      if (has('donors')) return 'donors';
      if (extreme) return extreme;
      return has('money', 'howMuch') && !has('howMany') ? 'money' : 'gifts';
    case null:
      if (has('average')) return 'average';
      return has('cost') ? 'cost' : null;
  }
}

/** What a question says. Whatever of it means nothing here is told as well: half a question has another answer. */
export function said(question: string, today: string): Said {
  const { words, names } = wordsOf(question);
  const { steps, unknown, period } = stepsOf(words, today);
  const has = (...all: Concept[]) => steps.some(({ concept }) => (all as string[]).includes(concept));
  const by: Dimension[] = [];
  const found: Filter[] = [];
  let bound: Said['bound'] = null;
  let [not, order, limit] = [false, null as Said['order'], null as number | null];
  let ranked: Dimension | null = null;
  let isPlural = false;
  let nextName = 0;
  // What stands there and is used for nothing: whoever said it meant something by it.
  const loose: string[] = [];
  for (const [at, { concept, value, word }] of steps.entries()) {
    const before = steps[at - 1]?.concept;
    const after = steps[at + 1]?.concept;
    if (concept === 'name') found.push({ what: 'campaign', value: names[nextName++] ?? '', not });
    else if (concept === 'amount') bound = { above: before === 'above', cents: value };
    else if (concept === 'count') limit = Math.min(value, MOST_LIMIT);
    else if (concept === 'not') not = true;
    else if (concept === 'most' || concept === 'top' || concept === 'largest') order ??= 'most';
    else if (concept === 'fewest' || concept === 'smallest') order ??= 'fewest';
    if (concept === 'name') not = false;
    const filter = filters[concept as Concept];
    // “Not paid by pix” denies the way, not the payment.
    const isLater =
      not && concept === 'confirmed' && steps.slice(at + 1, at + 3).some((step) => step.concept === 'pix' || step.concept === 'card');
    if (filter && !isLater) {
      found.push({ ...filter, not });
      not = false;
    }
    const adverb = adverbs[concept as Concept];
    if (adverb) by.push(adverb);
    const dimension = dimensions[concept as Concept];
    if (dimension && before === 'per') by.push(dimension);
    else if (dimension && (concept !== 'campaigns' || after !== 'name') && isRanked(steps, at)) {
      if (!ranked) isPlural = plurals.has(word);
      ranked ??= dimension;
    } else if (dimension && dimension !== 'campaign') loose.push(word);
    // “More than 10 gifts” counts gifts, which nobody can here.
    if (concept === 'amount' && after !== undefined && figures.has(after)) loose.push(word);
    const isPart = after !== undefined && (after in dimensions || after in filters || (ranked !== null && figures.has(after)));
    if ((concept === 'per' && !isPart) || ((concept === 'above' || concept === 'below') && after !== 'amount')) loose.push(word);
  }
  const subject = subjectOf(has);
  // “Which campaign” wants one name, “which campaigns” some; without more or less it only asks for each.
  if (ranked && (order || has('which'))) {
    if (!by.includes(ranked)) by.push(ranked);
    order ??= 'most';
    limit ??= isPlural ? PLURAL_LIMIT : 1;
  }
  if (not) loose.push('not');
  if (by.length === 0 && limit !== null) loose.push(String(limit));
  const extreme = extremeOf(steps);
  if (by.length === 0 && order && !extreme) loose.push(order);
  if (by.length === 0) order = null;
  if (isOfTwo(has) || isOfNone(subject, has)) loose.push('…');
  const rankedMoney = subject === 'campaigns' && ranked === 'campaign' && order !== null && !has('goal', 'remaining');
  return {
    ...{ language: languageOf(words), by: [...new Set(by)], period, bound, order, limit },
    unknown: [...unknown, ...loose],
    filters: found,
    subject: rankedMoney ? 'gifts' : subject,
    measure: rankedMoney ? 'money' : measureOf(subject, has, extreme),
    leansOnTheLast: steps[0]?.concept === 'also' || subject === null,
  };
}

/** Nobody is told one figure who asked for two, nor money by the giver, whom nobody is told of. */
const isOfTwo = (has: (...all: Concept[]) => boolean): boolean =>
  [
    has('ai', 'tokens', 'calls'),
    has('messages', 'readRate', 'deliveryRate'),
    has('gifts', 'donors', 'conversion', 'goal', 'remaining'),
  ].filter(Boolean).length > 1 ||
  [has('tokens'), has('calls'), has('cost')].filter(Boolean).length > 1 ||
  (has('donors') && has('howMuch', 'money', 'average', 'conversion') && !has('howMany', 'most', 'fewest'));

/** Figures that there are not: what messages cost, or what a campaign is on average. */
function isOfNone(subject: Subject | null, has: (...all: Concept[]) => boolean): boolean {
  if (subject === 'messages') return has('cost', 'howMuch', 'money', 'average');
  if (subject === 'campaigns') return has('cost') || (has('howMuch') && !has('goal', 'remaining'));
  return subject === 'gifts' ? has('cost') : subject === 'ai' && has('average');
}

/** “The largest gift” is one of them; “the largest campaign” is the one with the most. */
function extremeOf(steps: readonly Step[]): 'largest' | 'smallest' | null {
  const found = steps.find(({ concept }, at) => (concept === 'largest' || concept === 'smallest') && steps[at + 1]?.concept === 'gifts');
  return found ? (found.concept as 'largest' | 'smallest') : null;
}

const isRanked = (steps: readonly Step[], at: number) => {
  const around = [steps[at - 2], steps[at - 1], steps[at + 1]].map((step) => step?.concept);
  return around.some((concept) => ['which', 'top', 'most', 'fewest', 'largest', 'smallest'].includes(concept ?? ''));
};

const plurals = new Set([
  'campanhas',
  'campaigns',
  'vaquinhas',
  'meses',
  'months',
  'dias',
  'days',
  'semanas',
  'weeks',
  'anos',
  'years',
  'categorias',
  'categories',
  'modelos',
  'models',
]);

/** One whole meaning, of what is said now and, where that leans on it, of what was meant before. */
export function meant(now: Said, before: Meaning | undefined): Meaning | undefined {
  const base = now.leansOnTheLast ? before : undefined;
  const subject = now.subject && !(base && now.subject === 'campaigns' && now.by.length > 0) ? now.subject : (base?.subject ?? now.subject);
  const measure = subject === now.subject ? now.measure : (now.measure ?? base?.measure ?? null);
  if (!subject || !measure || now.unknown.length > 0) return undefined;
  const isSame = base?.subject === subject;
  const kept = isSame ? base.filters.filter((old) => !now.filters.some((one) => one.what === old.what)) : [];
  const meaning: Meaning = {
    ...{ language: now.language, subject, measure },
    by: now.by.length > 0 ? now.by : isSame ? base.by : [],
    filters: [...kept, ...now.filters],
    period: now.period ?? base?.period ?? null,
    bound: now.bound ?? (isSame ? base.bound : null),
    order: now.by.length > 0 || now.order ? now.order : isSame ? base.order : null,
    limit: now.by.length > 0 || now.limit ? now.limit : isSame ? base.limit : null,
  };
  return holds(meaning) ? meaning : undefined;
}

/** Whether there is such a thing at all. */
function holds({ subject, by, filters: all, bound }: Meaning): boolean {
  return (
    by.every((dimension) => dimensionsOf[subject].includes(dimension)) &&
    all.every(({ what, value }) => {
      if (what === 'status') return statusesOf[subject].includes(value);
      if (what === 'campaign') return subject !== 'ai';
      return what === 'lane' ? subject === 'messages' : subject === 'gifts';
    }) &&
    (bound === null || subject === 'gifts')
  );
}
