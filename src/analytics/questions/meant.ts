import type { Dimension, Filter, Meaning, Measure, Said, Subject } from './meaning.js';

const measuresOf: Record<Subject, readonly Measure[]> = {
  gifts: ['money', 'gifts', 'donors', 'average', 'largest', 'smallest', 'conversion'],
  campaigns: ['campaigns', 'goal', 'remaining'],
  messages: ['messages', 'readRate', 'deliveryRate'],
  ai: ['cost', 'tokens', 'calls'],
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

/** One whole meaning, of what is said now and, where that leans on it, of what was meant before. */
export function meant(now: Said, before: Meaning | undefined): Meaning | undefined {
  const base = now.leansOnTheLast ? before : undefined;
  const subject = now.subject ?? base?.subject;
  const isSame = base?.subject === subject;
  const measure = now.measure ?? (isSame ? base?.measure : undefined);
  if (!subject || !measure || now.unknown.length > 0 || (base && !adds(now, measure))) return undefined;
  // Of something else nobody knows how much of it still holds.
  if (base && !isSame && base.filters.length + base.by.length > 0) return undefined;
  const kept = base && isSame ? base : undefined;
  // Nobody knows whether another bound is one more.
  if (kept?.filters.some(isBound) && now.filters.some(isBound)) return undefined;
  const filters = [...(kept?.filters.filter((old) => !now.filters.some((one) => one.what === old.what)) ?? []), ...now.filters];
  const by = now.by.length > 0 ? now.by : (kept?.by ?? []);
  const meaning: Meaning = {
    ...{ language: now.language, subject, measure },
    by: filters.some(({ isOfSeveral }) => isOfSeveral) ? [...new Set([...by, 'campaign' as const])] : by,
    filters,
    period: now.period ?? base?.period ?? null,
    order: now.by.length > 0 ? now.order : (kept?.order ?? null),
    limit: now.by.length > 0 ? now.limit : (kept?.limit ?? null),
  };
  return holds(meaning) ? meaning : undefined;
}

const counted: readonly Measure[] = ['gifts', 'donors', 'campaigns', 'messages', 'calls', 'tokens'];

/** Whoever says nothing new is not told the same once more, nor how many who asks how much. */
function adds({ measure, by, filters, period, asks }: Said, its: Measure): boolean {
  if (measure !== null) return true;
  if (asks === 'many' ? !counted.includes(its) : asks === 'much' && its !== 'tokens' && counted.includes(its)) return false;
  return by.length + filters.length > 0 || period !== null;
}

const isBound = ({ what }: Filter) => what === 'above' || what === 'below';

/** Whether there is such a thing at all. */
function holds({ subject, measure, by, filters, period, order }: Meaning): boolean {
  return (
    measuresOf[subject].includes(measure) &&
    by.every((dimension) => dimensionsOf[subject].includes(dimension)) &&
    filters.every(({ what, value }) => {
      if (what === 'status') return statusesOf[subject].includes(value);
      if (what === 'campaign') return subject !== 'ai';
      if (what === 'created') return subject === 'campaigns';
      return what === 'lane' ? subject === 'messages' : subject === 'gifts';
    }) &&
    isOfGifts({ measure, filters }) &&
    // “Anonymous and not anonymous” are all, and neither.
    filters.every(({ what, value, not }) => not || !filters.some((other) => other.not && other.what === what && other.value === value)) &&
    // Of what is added up nobody knows whether the bound is of a gift or of the sum.
    (by.length === 0 || measure === 'gifts' || measure === 'donors' || !filters.some(isBound)) &&
    (subject !== 'campaigns' || holdsOfCampaigns({ measure, by, filters, period })) &&
    // Days without any gift are nowhere, nor ways of paying that nobody took.
    (order !== 'fewest' || (subject !== 'messages' && subject !== 'ai' && by.every((one) => one === 'campaign' || one === 'category')))
  );
}

/**
 * Who did not give in one way may have given in another as well. And gifts “not pending” may be those that were paid, or all others;
 * money that was raised is only what was paid.
 */
function isOfGifts({ measure, filters }: Pick<Meaning, 'measure' | 'filters'>): boolean {
  const denied = filters.filter(({ not }) => not);
  if (measure === 'donors') return denied.length === 0;
  return measure !== 'gifts' || denied.every(({ what, value }) => what !== 'status' || value === 'confirmed' || value === 'refunded');
}

/** Of campaigns it is known when they were made, and not since when they are what they are. */
function holdsOfCampaigns({ measure, by, filters, period }: Pick<Meaning, 'measure' | 'by' | 'filters' | 'period'>): boolean {
  const isCreated = filters.some(({ what, not }) => what === 'created' && !not);
  const isTimed = period !== null || by.some((dimension) => ['day', 'week', 'month', 'year'].includes(dimension));
  return (
    (!isTimed || (isCreated && filters.every(({ what }) => what !== 'status'))) && !(measure === 'campaigns' && by.includes('campaign'))
  );
}
