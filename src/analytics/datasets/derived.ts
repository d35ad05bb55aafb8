import { column, ofOwnCampaigns, published, type Table } from './published.js';

export interface Derived extends Table {
  from: readonly string[];
  /** Made of the Parquet of the tables that it is from. */
  sql: string;
  /** How an admin's part is found, where that is not all. */
  ofAll?: string;
  /** What each of its sums has to be: the sum of a table. */
  agrees: Record<string, readonly [table: string, sum: string]>;
}

const paid = ['donations', 'confirmed_cents'] as const;

const inAll = (status?: string) =>
  `coalesce(sum(messages) FILTER (WHERE owner_id IS NULL${status === undefined ? '' : ` AND status = '${status}'`}), 0)`;

/** Of tables that are told once for all campaigns together, and once for those of each owner. */
const ownerColumn = column('VARCHAR', 'whose campaigns; none: all', { hidden: true });
const byOwner = { ofOwner: (owner: string) => `owner_id = '${owner}'`, ofAll: 'owner_id IS NULL' };

/** What would be counted anew in each question: different givers of many gifts take more than all the rest. */
export const derived: Record<string, Derived> = {
  donation_days: {
    says: 'confirmed gifts of each day, over all campaigns together',
    from: ['donations', 'campaigns'],
    columns: {
      owner_id: ownerColumn,
      day: column('DATE', 'day they were paid'),
      gifts: column('BIGINT', 'confirmed gifts'),
      donors: column('BIGINT', 'different givers of this day; not to be added up over days'),
      amount_cents: column('BIGINT', 'amount in cents of BRL'),
    },
    ...byOwner,
    sql: `SELECT owner_id, confirmed_day AS day, count(*) AS gifts, count(DISTINCT donor) AS donors, sum(amount_cents)::BIGINT AS amount_cents
      FROM store.donations JOIN store.campaigns ON id = campaign_id WHERE donations.status = 'confirmed'
      GROUP BY GROUPING SETS ((day), (owner_id, day))`,
    sums: { amount_cents: 'coalesce(sum(amount_cents) FILTER (WHERE owner_id IS NULL), 0)' },
    agrees: { amount_cents: paid },
  },
  confirmed_gifts: {
    says: 'every confirmed gift with the day on which its giver gave to the same campaign before; who did so before the first day of a period, or never, is a giver whom this gift is the first of in it',
    from: ['donations', 'campaigns'],
    columns: {
      campaign_id: column('VARCHAR', 'campaign'),
      confirmed_day: column('DATE', 'day it was paid'),
      gave_before: column('DATE', 'day of the gift before by the same giver to the same campaign; none where it was the first'),
      amount_cents: column('BIGINT', 'amount in cents of BRL'),
    },
    ofOwner: ofOwnCampaigns,
    // By small numbers, as they are sorted: texts take twice as long.
    sql: `SELECT id AS campaign_id, confirmed_day, lag(confirmed_day) OVER (PARTITION BY number, donor ORDER BY confirmed_day) AS gave_before, amount_cents
      FROM store.donations JOIN (SELECT id, row_number() OVER ()::INTEGER AS number FROM store.campaigns) ON id = campaign_id WHERE status = 'confirmed'`,
    sums: { amount_cents: 'coalesce(sum(amount_cents), 0)' },
    agrees: { amount_cents: paid },
  },
  message_days: {
    says: 'WhatsApp messages of each day by lane and status, over all campaigns together',
    from: ['messages', 'campaigns'],
    columns: {
      owner_id: ownerColumn,
      day: column('DATE', 'day they were written'),
      lane: column('VARCHAR', 'direct or broadcast'),
      status: column('VARCHAR', 'queued, sending, sent, delivered, read, failed, suppressed or unknown'),
      messages: column('BIGINT', 'messages'),
    },
    ...byOwner,
    // Those of no campaign belong to all together alone.
    sql: `SELECT owner_id, messages.created_day AS day, lane, messages.status AS status, count(*) AS messages
      FROM store.messages LEFT JOIN store.campaigns ON id = campaign_id
      GROUP BY GROUPING SETS ((day, lane, messages.status), (owner_id, day, lane, messages.status)) HAVING grouping(owner_id) = 1 OR owner_id IS NOT NULL`,
    sums: { messages: inAll(), delivered: inAll('delivered'), read: inAll('read'), failed: inAll('failed') },
    agrees: {
      messages: ['messages', 'messages'],
      delivered: ['messages', 'delivered'],
      read: ['messages', 'read'],
      failed: ['messages', 'failed'],
    },
  },
  ai_days: {
    says: 'calls of an AI model by day',
    from: ['ai_usage'],
    columns: {
      day: column('DATE', 'day of the budget they counted for'),
      model: column('VARCHAR', 'model'),
      calls: column('BIGINT', 'calls that have ended'),
      tokens: column('BIGINT', 'tokens that were charged'),
      cost_nanos: column('BIGINT', 'cost in billionths of a US dollar'),
    },
    sql: `SELECT day, model, count(*) AS calls, sum(tokens)::BIGINT AS tokens, sum(cost_nanos)::BIGINT AS cost_nanos FROM store.ai_usage GROUP BY day, model`,
    sums: { tokens: 'coalesce(sum(tokens), 0)', cost_nanos: 'coalesce(sum(cost_nanos), 0)' },
    agrees: { tokens: ['ai_usage', 'tokens'], cost_nanos: ['ai_usage', 'cost_nanos'] },
  },
};

/** All that business questions may see, by name. */
export const tables: Readonly<Record<string, Table & Pick<Partial<Derived>, 'ofAll'>>> = { ...published, ...derived };

/** What somebody sees of it by name. */
export const shownColumns = ({ columns }: Table): string[] => Object.keys(columns).filter((name) => !columns[name]?.hidden);

const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
export const listOf = (values: readonly string[]) => `[${values.map(text).join(', ')}]`;

/** A table in the schema `store`, by its files. */
export function storeView(name: string, { columns }: Table, files: readonly string[]): string {
  const source =
    files.length > 0
      ? `SELECT ${Object.keys(columns).join(', ')} FROM read_parquet(${listOf(files)}, hive_partitioning = false)`
      : `SELECT ${Object.entries(columns)
          .map(([own, { type }]) => `NULL::${type} AS ${own}`)
          .join(', ')} WHERE false`;
  return `CREATE VIEW store.${name} AS ${source}`;
}
