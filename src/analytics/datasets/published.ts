/** Types of DuckDB, as far as they are published. */
export type ColumnType = 'VARCHAR' | 'BIGINT' | 'INTEGER' | 'BOOLEAN' | 'DATE';

export interface Column {
  type: ColumnType;
  says: string;
  /** Needed to tell whose it is; nobody who asks sees it. */
  hidden?: true;
  /** What PostgreSQL makes sooner than the column of that name of its view, in a session of São Paulo's time. */
  told?: string;
}

export interface Table {
  says: string;
  columns: Record<string, Column>;
  /** How an organizer's part is found; where there is none, only admins see it. */
  ofOwner?: (owner: string) => string;
  /** Sums of a part, by which PostgreSQL and Parquet are compared; both understand them. */
  sums: Record<string, string>;
}

export interface Dataset extends Table {
  /** The part that a row belongs to, as its view in PostgreSQL tells it, made of what is exported. */
  part: string;
  /** The same as `part` of its view, made sooner. */
  toldPart?: string;
  /** What else changes where anything in a part does; only PostgreSQL understands it. */
  mark: string;
}

export const column = (type: ColumnType, says: string, more: Partial<Column> = {}): Column => ({ type, says, ...more });
const countIf = (test: string) => `count(*) FILTER (WHERE ${test})`;
const centsOf = (status: string) => `coalesce(sum(amount_cents) FILTER (WHERE status = '${status}'), 0)`;
const monthOf = (day: string) => `date_trunc('month', ${day})::DATE`;
export const ofOwnCampaigns = (owner: string) => `campaign_id IN (SELECT id FROM store.campaigns WHERE owner_id = '${owner}')`;
const wholeRow = (...columns: string[]) => `sum(hash_record_extended(ROW(${columns.join(', ')}), 0))::text`;

/** All that is read from PostgreSQL, by the name of its view in PostgreSQL without `published_`. */
export const published: Record<string, Dataset> = {
  campaigns: {
    says: 'every campaign; drafts too',
    columns: {
      id: column('VARCHAR', 'id of the campaign'),
      owner_id: column('VARCHAR', 'its organizer', { hidden: true }),
      title: column('VARCHAR', 'title'),
      slug: column('VARCHAR', 'its name in addresses'),
      category: column('VARCHAR', 'category, where it has one'),
      goal_cents: column('BIGINT', 'goal in cents'),
      status: column('VARCHAR', 'draft, active, paused, ended or held'),
      created_day: column('DATE', 'day it was made, in America/Sao_Paulo'),
      ends_day: column('DATE', 'day it ends, where it does'),
    },
    ofOwner: (owner) => `owner_id = '${owner}'`,
    part: `DATE '1970-01-01'`,
    sums: { goal_cents: 'coalesce(sum(goal_cents), 0)', active: countIf(`status = 'active'`) },
    mark: wholeRow('id', 'owner_id', 'title', 'slug', 'category', 'goal_cents', 'status', 'created_day', 'ends_day'),
  },
  donations: {
    says: 'every gift, without who gave it; raised money is what is confirmed',
    columns: {
      campaign_id: column('VARCHAR', 'campaign'),
      donor: column('BIGINT', 'the same number for gifts of the same giver; tells nothing else of him'),
      amount_cents: column('BIGINT', 'amount in cents of BRL'),
      method: column('VARCHAR', 'pix or card'),
      status: column('VARCHAR', 'pending, confirmed, refunded, failed or expired'),
      anonymous: column('BOOLEAN', 'whether the giver wants no name shown'),
      created_day: column('DATE', 'day it was promised, in America/Sao_Paulo', { told: 'created_at::date' }),
      confirmed_day: column('DATE', 'day it was paid; none where it was not', { told: 'confirmed_at::date' }),
    },
    ofOwner: ofOwnCampaigns,
    part: monthOf('created_day'),
    toldPart: monthOf('created_at'),
    sums: {
      amount_cents: 'coalesce(sum(amount_cents), 0)',
      confirmed_cents: centsOf('confirmed'),
      refunded_cents: centsOf('refunded'),
      failed_cents: centsOf('failed'),
      expired_cents: centsOf('expired'),
      confirmed: countIf(`status = 'confirmed'`),
      refunded: countIf(`status = 'refunded'`),
      failed: countIf(`status = 'failed'`),
      expired: countIf(`status = 'expired'`),
      anonymous: countIf('anonymous'),
    },
    // What changes its state changes a count and a sum of cents.
    mark: `sum(confirmed_day - date '2000-01-01')::text`,
  },
  messages: {
    says: 'every WhatsApp message, without to whom and what',
    columns: {
      campaign_id: column('VARCHAR', 'campaign, where it belongs to one'),
      lane: column('VARCHAR', 'direct or broadcast'),
      template: column('VARCHAR', 'name of its template, where it has one'),
      status: column('VARCHAR', 'queued, sending, sent, delivered, read, failed, suppressed or unknown'),
      error_code: column('INTEGER', 'code of the provider, where it failed'),
      created_day: column('DATE', 'day it was written, in America/Sao_Paulo', { told: 'created_at::date' }),
      sent_day: column('DATE', 'day it was sent; none where it was not', { told: 'sent_at::date' }),
    },
    ofOwner: ofOwnCampaigns,
    part: monthOf('created_day'),
    toldPart: monthOf('created_at'),
    sums: {
      messages: 'count(*)',
      delivered: countIf(`status = 'delivered'`),
      read: countIf(`status = 'read'`),
      failed: countIf(`status = 'failed'`),
    },
    mark: wholeRow('campaign_id', 'lane', 'template', 'status', 'error_code', 'created_day', 'sent_day'),
  },
  ai_usage: {
    says: 'every call of an AI model that has ended, without who made it',
    columns: {
      day: column('DATE', 'day of the budget it counted for'),
      model: column('VARCHAR', 'model'),
      streaming: column('BOOLEAN', 'whether it was streamed'),
      state: column('VARCHAR', 'settled or lapsed'),
      tokens: column('BIGINT', 'tokens that were charged'),
      cost_nanos: column('BIGINT', 'cost in billionths of a US dollar'),
    },
    part: monthOf('day'),
    sums: { tokens: 'coalesce(sum(tokens), 0)', cost_nanos: 'coalesce(sum(cost_nanos), 0)' },
    mark: wholeRow('model', 'state', 'streaming'),
  },
};

/** Rows of PostgreSQL as they are exported, each with its part. */
export function toldRows(name: string, { columns, toldPart = 'part' }: Dataset): string {
  const told = Object.entries(columns).map(([own, { told: sooner = own }]) => `${sooner} AS ${own}`);
  return `(SELECT ${told.join(', ')}, ${toldPart} AS part FROM published_${name}) AS told`;
}

/** Grows when what is published changes its shape: what was exported or kept before does not fit any more. */
export const SCHEMA_VERSION = 3;
