import type { Dimension, Filter, Meaning, Measure } from './meaning.js';

const percent = (part: string, whole: string) => `round(100.0 * ${part} / nullif(${whole}, 0), 1)`;

const measures: Record<Measure, { name: string; sql: string }> = {
  money: { name: 'amount_cents', sql: 'coalesce(sum(t.amount_cents), 0)' },
  gifts: { name: 'gifts', sql: 'count(*)' },
  donors: { name: 'donors', sql: 'count(DISTINCT t.donor)' },
  average: { name: 'average_cents', sql: 'round(avg(t.amount_cents))::BIGINT' },
  largest: { name: 'largest_cents', sql: 'max(t.amount_cents)' },
  smallest: { name: 'smallest_cents', sql: 'min(t.amount_cents)' },
  conversion: { name: 'paid_percent', sql: percent('count(t.confirmed_day)', 'count(*)') },
  campaigns: { name: 'campaigns', sql: 'count(*)' },
  goal: { name: 'goal_cents', sql: 'coalesce(sum(t.goal_cents), 0)' },
  remaining: { name: 'remaining_cents', sql: 'sum(greatest(t.goal_cents - coalesce(r.amount_cents, 0), 0))' },
  messages: { name: 'messages', sql: 'count(*)' },
  readRate: { name: 'read_percent', sql: percent(`count(*) FILTER (WHERE t.status = 'read')`, 'count(*)') },
  deliveryRate: { name: 'delivered_percent', sql: percent(`count(*) FILTER (WHERE t.status IN ('delivered', 'read'))`, 'count(*)') },
  cost: { name: 'cost_nanos', sql: 'coalesce(sum(t.cost_nanos), 0)' },
  tokens: { name: 'tokens', sql: 'coalesce(sum(t.tokens), 0)' },
  calls: { name: 'calls', sql: 'count(*)' },
};

const tables = { gifts: 'donations', campaigns: 'campaigns', messages: 'messages', ai: 'ai_usage' } as const;
const times: readonly Dimension[] = ['day', 'week', 'month', 'year'];
export const text = (value: string) => `'${value.replaceAll("'", "''")}'`;

/** Gifts that are no more are none anyway; who denies that they were paid asks for those that were not. */
const isJudging = ({ what, value, not }: Filter): boolean => what === 'status' && (!not || value === 'confirmed');

/** Gifts count when they were paid, or were promised where they were not; messages when they were sent, or written where they were not. */
export function dayOf({ subject, measure, by, filters }: Meaning): 'day' | 'created_day' | 'sent_day' | 'confirmed_day' {
  const states = filters.filter(({ what }) => what === 'status');
  if (subject === 'ai') return 'day';
  if (subject === 'campaigns') return 'created_day';
  if (subject === 'messages')
    return measure !== 'messages' || states.some(({ value, not }) => !not && ['sent', 'delivered', 'read'].includes(value))
      ? 'sent_day'
      : 'created_day';
  const isPaid = ({ value, not }: Filter) => !not && (value === 'confirmed' || value === 'refunded');
  return measure !== 'conversion' && !by.includes('status') && states.filter(isJudging).every(isPaid) ? 'confirmed_day' : 'created_day';
}

function dimensionOf(dimension: Dimension, day: string, isCampaigns: boolean): { name: string; sql: string } {
  switch (dimension) {
    case 'campaign':
      return { name: 'campaign', sql: isCampaigns ? 't.title' : 'c.title' };
    case 'category':
      return { name: 'category', sql: isCampaigns ? 't.category' : 'c.category' };
    case 'weekday':
      return { name: 'weekday', sql: `isodow(${day})` };
    case 'day':
      return { name: 'day', sql: day };
    case 'week':
    case 'month':
    case 'year':
      return { name: dimension, sql: `date_trunc('${dimension}', ${day})::DATE` };
    case 'method':
    case 'status':
    case 'model':
    case 'template':
      return { name: dimension, sql: `t.${dimension}` };
  }
}

const reached: Record<string, string> = {
  sent: `t.status IN ('sent', 'delivered', 'read')`,
  delivered: `t.status IN ('delivered', 'read')`,
};

function testOf({ what, value, not }: Filter, isMessages: boolean, isCampaigns: boolean): string {
  const positive = () => {
    if (what === 'anonymous') return 't.anonymous';
    if (what === 'campaign') return `${isCampaigns ? 't' : 'c'}.title = ${text(value)}`;
    if (what === 'created') return 't.created_day IS NOT NULL';
    if (what === 'above' || what === 'below') return `t.amount_cents ${what === 'above' ? '>' : '<'} ${value}`;
    if (what === 'status' && isMessages) return reached[value] ?? `t.status = ${text(value)}`;
    return `t.${what} = ${text(value)}`;
  };
  // What belongs to no campaign does not belong to this one either.
  return not ? `(${positive()}) IS NOT TRUE` : positive();
}

/** “Pix and card” are either of them; what is denied is none of them. */
function testsOf(filters: readonly Filter[], isMessages: boolean, isCampaigns: boolean): string[] {
  const kinds = [...new Set(filters.map(({ what, not }) => `${what} ${not}`))];
  return kinds.map((kind) => {
    const own = filters.filter(({ what, not }) => `${what} ${not}` === kind);
    const each = own.map((filter) => testOf(filter, isMessages, isCampaigns));
    return each.length === 1 ? each.join('') : `(${each.join(own.some(({ not }) => not) ? ' AND ' : ' OR ')})`;
  });
}

/** Who has fewest may have none, and is in no table of gifts. */
const isOfAllCampaigns = ({ subject, measure, order }: Meaning): boolean =>
  order === 'fewest' && subject === 'gifts' && ['money', 'gifts', 'donors'].includes(measure);

/** Which is first is asked of those that there are: what has no campaign, say, is none of them. */
const isThere = ({ subject, by, order }: Meaning, isCampaigns: boolean): string[] =>
  by
    .filter((one) => order !== null && (one === 'category' || one === 'template' || (one === 'campaign' && subject === 'messages')))
    .map((one) => `${dimensionOf(one, '', isCampaigns).sql} IS NOT NULL`);

/** Whence it is taken, and what of it counts. */
function sourceOf(meaning: Meaning, day: string): string[] {
  const { subject, measure, by, filters, period } = meaning;
  const [isCampaigns, isMessages] = [subject === 'campaigns', subject === 'messages'];
  const ofCampaign = testsOf(
    filters.filter(({ what }) => what === 'campaign'),
    isMessages,
    isCampaigns,
  );
  const tests = testsOf(
    filters.filter(({ what }) => what !== 'campaign'),
    isMessages,
    isCampaigns,
  );
  const isJudged = filters.some(isJudging) || by.includes('status');
  if (subject === 'gifts' && measure !== 'conversion' && !isJudged) tests.unshift(`t.status = 'confirmed'`);
  if (isMessages && measure !== 'messages') tests.unshift(reached.sent ?? '');
  if (period) tests.push(`${day} BETWEEN DATE '${period.from}' AND DATE '${period.to}'`);
  else if (by.some((dimension) => times.includes(dimension) || dimension === 'weekday')) tests.push(`${day} IS NOT NULL`);
  if (isOfAllCampaigns(meaning))
    return [
      `FROM campaigns AS c LEFT JOIN donations AS t ON ${['t.campaign_id = c.id', ...tests].join(' AND ')}`,
      `WHERE ${[`c.status <> 'draft'`, ...ofCampaign, ...isThere(meaning, isCampaigns)].join(' AND ')}`,
    ];
  const all = [...tests, ...ofCampaign, ...isThere(meaning, isCampaigns)];
  const needsCampaign = !isCampaigns && (by.includes('campaign') || by.includes('category') || ofCampaign.length > 0);
  return [
    `FROM ${tables[subject]} AS t`,
    needsCampaign ? `${isMessages ? 'LEFT ' : ''}JOIN campaigns AS c ON c.id = t.campaign_id` : '',
    measure === 'remaining'
      ? `LEFT JOIN (SELECT campaign_id, sum(amount_cents) AS amount_cents FROM donations WHERE status = 'confirmed' GROUP BY campaign_id) AS r ON r.campaign_id = t.id`
      : '',
    all.length > 0 ? `WHERE ${all.join(' AND ')}` : '',
  ];
}

/** The statement that a meaning is. */
export function sqlOf(meaning: Meaning): string {
  const { subject, measure, by, order, limit } = meaning;
  const isCampaigns = subject === 'campaigns';
  const day = `t.${dayOf(meaning)}`;
  const groups = by.map((dimension) => dimensionOf(dimension, day, isCampaigns));
  const { name, sql } = measures[measure];
  const figure = isOfAllCampaigns(meaning) && measure === 'gifts' ? 'count(t.campaign_id)' : sql;
  const isTime = by.length > 0 && by.every((dimension) => times.includes(dimension) || dimension === 'weekday') && !order;
  const places = groups.map((_, index) => String(index + 1));
  // Campaigns of the same title are not the same.
  const apart = by.includes('campaign') ? [isCampaigns ? 't.id' : 'c.id'] : [];
  const sorted = isTime ? places : [`${groups.length + 1} ${order === 'fewest' ? 'ASC' : 'DESC'}`, '1', ...apart];
  return [
    `SELECT ${[...groups.map((group) => `${group.sql} AS ${group.name}`), `${figure} AS ${name}`].join(', ')}`,
    ...sourceOf(meaning, day),
    groups.length > 0
      ? `GROUP BY ${[...places, ...apart].join(', ')} ORDER BY ${sorted.join(', ')}${limit === null ? '' : ` LIMIT ${limit}`}`
      : '',
  ]
    .filter((line) => line !== '')
    .join('\n');
}
