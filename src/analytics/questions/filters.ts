import type { Filter } from './meaning.js';
import type { Step } from './steps.js';

const states = [
  ...(['refunded', 'pending', 'expired', 'failed', 'confirmed', 'active', 'paused', 'ended', 'draft'] as const),
  ...(['delivered', 'read', 'sent', 'suppressed', 'queued'] as const),
];

const filters: Partial<Record<Step['concept'], Pick<Filter, 'what' | 'value'>>> = {
  ...{ pix: { what: 'method', value: 'pix' }, card: { what: 'method', value: 'card' }, anonymous: { what: 'anonymous', value: 'true' } },
  ...{ broadcast: { what: 'lane', value: 'broadcast' }, created: { what: 'created', value: 'true' } },
  ...Object.fromEntries(states.map((value) => [value, { what: 'status', value }])),
};

export const isFilter = (concept: Step['concept'] | undefined): boolean => concept !== undefined && concept in filters;

const isNamed = (steps: readonly Step[], at: number) => steps[at]?.concept === 'campaigns' && steps[at + 1]?.concept === 'name';

/** What stands here, perhaps as “por pix” or “campanha «X»”, is about. */
function whatAt(steps: readonly Step[], at: number): Filter['what'] | undefined {
  const start = steps[at]?.concept === 'per' ? at + 1 : at;
  const step = steps[isNamed(steps, start) ? start + 1 : start];
  if (step?.concept === 'name') return 'campaign';
  return step && filters[step.concept]?.what;
}

/** “Not paid by pix” denies the way, not the payment. */
const isWayOfPaying = (steps: readonly Step[], at: number) => steps[at]?.concept === 'confirmed' && whatAt(steps, at + 1) === 'method';

/** “Sem pix e cartão” is neither of them, “sem pix e com cartão” is one of them; what else follows may be meant in either way. */
function afterDenied(steps: readonly Step[], at: number, what: Filter['what']): 'ends' | 'goes on' | 'unclear' {
  const isJoined = steps[at + 1]?.concept === 'also';
  const next = at + (isJoined ? 2 : 1);
  const other = whatAt(steps, next);
  if (other === undefined || steps[next]?.skipped.some((word) => word === 'com' || word === 'with')) return 'ends';
  if (!isJoined) return steps[next]?.concept === 'per' ? 'ends' : 'unclear';
  return other === what ? 'goes on' : 'unclear';
}

/** Which of all are meant, and what was said of that in a way that is not clear. */
export function filtersOf(steps: readonly Step[], names: readonly string[]): { found: Filter[]; loose: string[] } {
  const found: Filter[] = [];
  const loose: string[] = [];
  let not = false;
  let nextName = 0;
  for (const [at, { concept, value, word }] of steps.entries()) {
    if (concept === 'not') {
      not = whatAt(steps, at + 1) !== undefined || isWayOfPaying(steps, at + 1);
      if (!not) loose.push(word);
    } else if (concept === 'amount') {
      const what = steps[at - 1]?.concept === 'above' ? 'above' : 'below';
      if (found.some((other) => other.what === what)) loose.push(word);
      found.push({ what, value: String(value), not: false });
    } else {
      const filter = concept === 'name' ? ({ what: 'campaign', value: names[nextName++] ?? '' } as const) : filters[concept];
      if (!filter || (not && isWayOfPaying(steps, at))) continue;
      found.push({ ...filter, not });
      const after: ReturnType<typeof afterDenied> = not ? afterDenied(steps, at, filter.what) : 'ends';
      if (after === 'unclear') loose.push(word);
      not = after === 'goes on';
    }
  }
  return { found, loose };
}

const mayFollow: ReadonlySet<Step['concept'] | undefined> = new Set(['per', 'not', 'above', 'below', 'name', 'campaigns'] as const);

/** “And” joins one kind of gifts to another, or what it is told by to more of that; whoever joins anything else asks for two things. */
export function isJoining(steps: readonly Step[], at: number, isGroup: boolean): boolean {
  const [before, after] = [steps[at - 1]?.concept, steps[at + 1]?.concept];
  if (at === 0 || before === 'which') return true;
  if (isGroup) return after === 'per';
  return (isFilter(before) || before === 'name' || before === 'amount') && (isFilter(after) || mayFollow.has(after));
}
