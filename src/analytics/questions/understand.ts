import { filtersOf, isFilter, isJoining } from './filters.js';
import type { Dimension, Measure, Said, Subject } from './meaning.js';
import type { Concept } from './model.js';
import { stepsOf, type Step } from './steps.js';
import { languageOf, wordsOf } from './words.js';

const MOST_LIMIT = 100;
const PLURAL_LIMIT = 10;

const dimensions: Partial<Record<Step['concept'], Dimension>> = {
  ...{ campaigns: 'campaign', day: 'day', week: 'week', month: 'month', year: 'year', weekday: 'weekday' },
  ...{ method: 'method', status: 'status', model: 'model', category: 'category', template: 'template' },
};
const adverbs: Partial<Record<Step['concept'], Dimension>> = { daily: 'day', weekly: 'week', monthly: 'month', yearly: 'year' };
const orders: Partial<Record<Step['concept'], 'most' | 'fewest'>> = {
  ...{ most: 'most', top: 'most', largest: 'most', fewest: 'fewest', smallest: 'fewest' },
};
const figures = new Set<string>([
  'money',
  'gifts',
  'donors',
  'messages',
  'average',
  'conversion',
  'readRate',
  'deliveryRate',
  'cost',
  'tokens',
  'calls',
]);

const wholes = new Set('total todo toda todos todas all overall any'.split(' '));

type Has = (...all: Concept[]) => boolean;

function subjectOf(has: Has, isOfCampaigns: boolean): Subject | null {
  if (has('ai', 'tokens', 'calls')) return 'ai';
  if (has('messages', 'readRate', 'deliveryRate')) return 'messages';
  if (has('goal', 'remaining') && !has('gifts', 'donors', 'conversion')) return 'campaigns';
  if (has('gifts', 'money', 'donors', 'conversion', 'average') || (has('pix', 'card') && has('howMuch', 'howMany'))) return 'gifts';
  return isOfCampaigns ? 'campaigns' : null;
}

function measureOf(subject: Subject | null, has: Has, extreme: Measure | null): Measure | null {
  switch (subject) {
    case 'ai':
      if (has('tokens')) return 'tokens';
      if (has('cost')) return 'cost';
      return has('calls') ? 'calls' : null;
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
      return has('money', 'howMuch') ? 'money' : 'gifts';
    case null:
      if (has('average')) return 'average';
      return has('cost') ? 'cost' : null;
  }
}

/** What a question says. Whatever of it means nothing here is told as well: half a question has another answer. */
export function said(question: string, today: string): Said {
  const { words, names } = wordsOf(question);
  const { steps, unknown, period, silents } = stepsOf(words, today);
  const has: Has = (...all) => steps.some(({ concept }) => (all as string[]).includes(concept));
  const isOfCampaigns = steps.some((_, at) => isOfItself(steps, at) && steps[at]?.concept === 'campaigns');
  const isMore = steps[0]?.concept === 'also';
  const subject = isMore && isOnlyAverage(has) ? null : subjectOf(has, isOfCampaigns);
  const leansOnTheLast = isMore || subject === null;
  const extreme = extremeOf(steps);
  const { by, ranked, isPlural, loose: ungrouped } = groupsOf(steps, subject);
  const { found, loose: unclear } = filtersOf(steps, names);
  const { limit, order, loose: unordered } = orderOf(steps, ranked, extreme !== null);
  // What stands there and is used for nothing: whoever said it meant something by it.
  const loose = [...ungrouped, ...unclear, ...unordered, ...unusedOf(steps, ranked)];
  const rankedMoney = subject === 'campaigns' && ranked === 'campaign' && order !== null && !has('goal', 'remaining');
  const measure = rankedMoney ? 'money' : measureOf(subject, has, extreme);
  if (
    isOfTwo(has) ||
    isOfNone(subject, has) ||
    (extreme && measure !== extreme) ||
    isOfCounts(steps, by) ||
    isOfTotals(subject, has, steps) ||
    isListed(steps) ||
    // “And in total?” takes back what was asked before, nobody knows how much of it.
    (leansOnTheLast && silents.some((word) => wholes.has(word)))
  )
    loose.push('…');
  return {
    ...{ language: languageOf(words), by: [...new Set(by)], period, order },
    limit: ranked && order ? (limit ?? (isPlural ? PLURAL_LIMIT : 1)) : null,
    unknown: [...unknown, ...loose],
    filters: found,
    subject: rankedMoney ? 'gifts' : subject,
    measure,
    leansOnTheLast,
    asks: measure !== null ? null : has('howMany') ? 'many' : has('howMuch') ? 'much' : null,
  };
}

/** “E a média?” is that of whatever it was about. */
const isOnlyAverage = (has: Has) => has('average') && !has('gifts', 'money', 'donors', 'conversion');

/** Not what something is told by, nor one by its name. */
const isOfItself = (steps: readonly Step[], at: number) => steps[at - 1]?.concept !== 'per' && steps[at + 1]?.concept !== 'name';

function groupsOf(steps: readonly Step[], subject: Subject | null) {
  const by: Dimension[] = [];
  const loose: string[] = [];
  let ranked: Dimension | null = null;
  let isPlural = false;
  for (const [at, { concept, word }] of steps.entries()) {
    const adverb = adverbs[concept];
    if (adverb) by.push(adverb);
    const dimension = dimensions[concept];
    if (!dimension) continue;
    if (steps[at - 1]?.concept === 'per') by.push(dimension);
    else if (ranked === null && isOfItself(steps, at) && isRanked(steps, at)) {
      ranked = dimension;
      isPlural = word.endsWith('s') && word !== 'mes' && word !== 'status';
      by.push(dimension);
    } else if (dimension !== 'campaign' || (isOfItself(steps, at) && subject !== 'campaigns')) loose.push(word);
  }
  return { by, ranked, isPlural, loose };
}

const isRanked = (steps: readonly Step[], at: number) =>
  steps[at - 1]?.concept !== 'howMany' &&
  [steps[at - 2], steps[at - 1], steps[at + 1]].some((step) => step && (step.concept === 'which' || step.concept in orders));

/** Only what is ranked has most or fewest of something, and a number only says how many of it are wanted. */
function orderOf(steps: readonly Step[], ranked: Dimension | null, hasExtreme: boolean) {
  const loose: string[] = [];
  let [order, limit] = [null as Said['order'], null as number | null];
  for (const [at, { concept, value, word }] of steps.entries()) {
    const its = orders[concept];
    if (its) {
      const isExtreme = hasExtreme && (concept === 'largest' || concept === 'smallest');
      // “Menos as reembolsadas” is no order.
      const isNamed = steps.slice(at + 1, at + 3).some((step) => step.concept === 'name');
      const isOther = (word === 'mais' || word === 'menos') && (isFilter(steps[at + 1]?.concept) || isNamed);
      if ((order ?? its) !== its || (ranked === null && !isExtreme) || isOther) loose.push(word);
      if (ranked !== null) order = its;
    } else if (concept === 'count') {
      const counted = steps[at + 1] && steps[at + 1]!.concept in orders ? at + 2 : at + 1;
      const isOfRanked = ranked !== null && dimensions[steps[counted]?.concept ?? 'count'] === ranked;
      if (!isOfRanked || limit !== null || value < 1 || value > MOST_LIMIT) loose.push(word);
      limit = value;
    }
  }
  // “Which campaign” without more or less asks for a list.
  if (ranked !== null && order === null) loose.push(ranked);
  return { order, limit, loose };
}

function unusedOf(steps: readonly Step[], ranked: Dimension | null): string[] {
  const isUnused = ({ concept }: Step, at: number): boolean => {
    const after = steps[at + 1]?.concept;
    switch (concept) {
      case 'also':
        return !isJoining(
          steps,
          at,
          (dimensions[steps[at - 1]?.concept ?? 'also'] ?? adverbs[steps[at - 1]?.concept ?? 'also']) !== undefined,
        );
      case 'above':
      case 'below':
        return after !== 'amount';
      // “More than 10 gifts” counts gifts, which nobody can here.
      case 'amount':
        return after !== undefined && figures.has(after);
      case 'per':
        return after === undefined || !(after in dimensions || isFilter(after) || (ranked !== null && figures.has(after)));
      // “The largest gifts” are a list.
      case 'largest':
      case 'smallest':
        return after === 'gifts' && steps[at + 1]?.word.endsWith('s') === true;
      case 'which':
        return after === 'gifts' || after === 'donors' || after === 'messages';
      default:
        return false;
    }
  };
  return steps.filter(isUnused).map(({ word }) => word);
}

/** Nobody is told one figure who asked for two, nor money by the giver, whom nobody is told of. */
const isOfTwo = (has: Has): boolean =>
  [
    has('ai', 'tokens', 'calls'),
    has('messages', 'readRate', 'deliveryRate'),
    has('gifts', 'donors', 'conversion', 'goal', 'remaining'),
  ].filter(Boolean).length > 1 ||
  [has('tokens'), has('calls'), has('cost')].filter(Boolean).length > 1 ||
  (has('howMany') && has('howMuch', 'money', 'average', 'goal', 'remaining')) ||
  (has('average') && has('money', 'conversion')) ||
  (has('donors') && has('howMuch', 'money', 'average', 'conversion'));

/** Figures that there are not: what messages cost, or what a campaign is on average. */
function isOfNone(subject: Subject | null, has: Has): boolean {
  if (subject === 'messages') return has('cost', 'howMuch', 'money', 'average');
  if (subject === 'campaigns') return has('cost', 'average') || (has('howMuch') && !has('goal', 'remaining'));
  if (subject === 'ai') return has('average') || (has('howMuch', 'money') && !has('cost'));
  return subject === 'gifts' && has('cost', 'goal', 'remaining');
}

/** “Donations, donors by month” are two, and “donations of donors” are not donors. */
const isListed = (steps: readonly Step[]): boolean =>
  steps.some(({ concept, word }, at) => {
    const next = steps[at + 1];
    if (concept === 'gifts' && steps.slice(at + 1).some((later) => later.concept === 'donors')) return true;
    const isMany = word.endsWith('s') || concept === 'money' || concept === 'readRate' || concept === 'deliveryRate';
    return isMany && next?.skipped.length === 0 && next.concept !== concept && figures.has(concept) && figures.has(next.concept);
  });

/** Alone it may be that of what is counted as well as that of a gift. */
const averages = new Set(['media', 'medio', 'average', 'mean']);

/** “A média de doações por mês” is how many there are in one, which is not told here; nor are “doações em média por dia”. */
const isOfCounts = (steps: readonly Step[], by: readonly Dimension[]): boolean =>
  by.some((dimension) => ['day', 'week', 'month', 'year', 'weekday'].includes(dimension)) &&
  steps.some(({ concept, skipped, word }, at) => {
    if (concept !== 'average') return false;
    if (averages.has(word) && !steps.some((step) => step.concept === 'gifts')) return true;
    const after = steps[at + 1] && steps[at + 1]!.concept in adverbs ? steps[at + 2] : steps[at + 1];
    const isOn = skipped.includes('em') || skipped.includes('on');
    return [after, ...(isOn ? [steps[at - 1]] : [])].some((step) => step?.concept === 'gifts' && step.word.endsWith('s'));
  });

/** “Raised more than R$ 100” is no single gift. */
const isOfTotals = (subject: Subject | null, has: Has, steps: readonly Step[]): boolean =>
  subject !== null && !has('gifts') && steps.some(({ concept }) => concept === 'amount');

/** “The largest gift” is one of them; “the largest campaign” is the one with the most. */
function extremeOf(steps: readonly Step[]): 'largest' | 'smallest' | null {
  const found = steps.find(({ concept }, at) => (concept === 'largest' || concept === 'smallest') && steps[at + 1]?.concept === 'gifts');
  return found ? (found.concept as 'largest' | 'smallest') : null;
}
