import { Injectable } from '@nestjs/common';
import { DataSource, In } from 'typeorm';
import type { Tx } from '../database/transactions.js';
import { Campaign, type CampaignStatus } from './campaign.entity.js';
import type { Sort } from './campaigns.dto.js';

/** A campaign as it is read, its sums and the state it is really in included. */
export interface CampaignView extends Pick<
  Campaign,
  | 'id'
  | 'slug'
  | 'title'
  | 'summary'
  | 'category'
  | 'coverUrl'
  | 'goalCents'
  | 'currency'
  | 'status'
  | 'endsAt'
  | 'version'
  | 'createdAt'
  | 'ownerId'
> {
  ownerName: string;
  raisedCents: number;
  donorCount: number;
}
export type WholeCampaign = CampaignView & Pick<Campaign, 'description'>;

export interface Filter {
  statuses?: readonly CampaignStatus[];
  ownerId?: string;
  q?: string;
}

/** Where a row stands in its order: by that value, then by its id. */
export type Place = readonly [value: string, id: string];

/** Where a part of a list begins: after that value and id, or so many rows on. */
export interface Start {
  after?: Place;
  skip: number;
  take: number;
}

const IS_OVER = `c.status IN ('active', 'paused') AND c.ends_at <= now()`;
const STATUS = `CASE WHEN ${IS_OVER} THEN 'ended' ELSE c.status END`;
const RAISED = '(coalesce(t.raised_cents, 0) + coalesce(e.cents, 0))';

const VIEW = `c.id, c.slug, c.title, c.summary, c.category, c.cover_url AS "coverUrl", c.goal_cents::float8 AS "goalCents", c.currency,
  ${STATUS} AS status, c.ends_at AS "endsAt", c.version, c.created_at AS "createdAt", c.owner_id AS "ownerId", u.name AS "ownerName",
  ${RAISED}::float8 AS "raisedCents", (coalesce(t.donor_count, 0) + coalesce(e.donors, 0))::int AS "donorCount"`;

const FROM = `FROM campaigns c JOIN users u ON u.id = c.owner_id LEFT JOIN campaign_totals t ON t.campaign_id = c.id
  LEFT JOIN LATERAL (SELECT sum(cents) AS cents, sum(donors) AS donors FROM campaign_tail WHERE campaign_id = c.id) e ON true`;

const ENDS = `coalesce(c.ends_at, 'infinity')`;

/** What each order goes by, which way, and where a row stands in it. */
const orders: Record<Sort, { by: string; type: string; way: 'ASC' | 'DESC'; placeOf: (row: CampaignView) => string }> = {
  '-createdAt': { by: 'c.id', type: 'uuid', way: 'DESC', placeOf: ({ id }) => id },
  createdAt: { by: 'c.id', type: 'uuid', way: 'ASC', placeOf: ({ id }) => id },
  endsAt: { by: ENDS, type: 'timestamptz', way: 'ASC', placeOf: ({ endsAt }) => endsAt?.toISOString() ?? 'infinity' },
  '-goalCents': { by: 'c.goal_cents', type: 'bigint', way: 'DESC', placeOf: ({ goalCents }) => String(goalCents) },
  '-raisedCents': { by: RAISED, type: 'bigint', way: 'DESC', placeOf: ({ raisedCents }) => String(raisedCents) },
};

export const placeIn = (sort: Sort, row: CampaignView): Place => [orders[sort].placeOf(row), row.id];

@Injectable()
export class CampaignsStore {
  constructor(private readonly db: DataSource) {}

  list(filter: Filter, sort: Sort, { after, skip, take }: Start): Promise<CampaignView[]> {
    const { by, type, way } = orders[sort];
    const { where, values } = conditions(filter);
    const beyond = after
      ? `AND (${by}, c.id) ${way === 'ASC' ? '>' : '<'} ($${values.length + 1}::${type}, $${values.length + 2}::uuid)`
      : '';
    return this.db.query(
      `SELECT ${VIEW} ${FROM} WHERE ${where} ${beyond} ORDER BY ${by} ${way}, c.id ${way} LIMIT ${take} OFFSET ${skip}`,
      [...values, ...(after ?? [])],
    );
  }

  /** With their descriptions, the newest first. */
  listWhole(filter: Filter, { skip, take }: Omit<Start, 'after'>): Promise<WholeCampaign[]> {
    const { where, values } = conditions(filter);
    return this.db.query(`SELECT ${VIEW}, c.description ${FROM} WHERE ${where} ORDER BY c.id DESC LIMIT ${take} OFFSET ${skip}`, values);
  }

  async count(filter: Filter): Promise<number> {
    const { where, values } = conditions(filter);
    const [row] = await this.db.query<[{ many: number }]>(`SELECT count(*)::int AS many FROM campaigns c WHERE ${where}`, values);
    return row.many;
  }

  async find(idOrSlug: string): Promise<WholeCampaign | null> {
    const [found] = await this.db.query<WholeCampaign[]>(
      `SELECT ${VIEW}, c.description ${FROM} WHERE ${isId(idOrSlug) ? 'c.id = $1::uuid' : 'c.slug = $1'}`,
      [idOrSlug],
    );
    return found ?? null;
  }

  /** `false` where somebody has the slug. */
  async add(tx: Tx, campaign: Omit<Campaign, 'words' | 'status' | 'heldFrom' | 'version' | 'createdAt' | 'updatedAt'>): Promise<boolean> {
    const made = await tx.createQueryBuilder().insert().into(Campaign).values(campaign).orIgnore().returning('id').execute();
    return (made.raw as unknown[]).length === 1;
  }

  /** With a version, only where it still is that one. */
  async change(tx: Tx, id: string, change: Partial<Campaign>, versions?: number[]): Promise<boolean> {
    const which = { id, ...(versions === undefined ? {} : { version: In(versions) }) };
    const { affected } = await tx.update(Campaign, which, { ...change, version: () => 'version + 1', updatedAt: () => 'now()' });
    return affected === 1;
  }

  /** Whoever owns it is there, and stays until the end of this. */
  async hasOwner(tx: Tx, id: string): Promise<boolean> {
    const found = await tx.query<object[]>(
      'SELECT FROM users WHERE id = (SELECT owner_id FROM campaigns WHERE id = $1) AND deleted_at IS NULL FOR SHARE',
      [id],
    );
    return found.length === 1;
  }

  /** From one of these states to that one; `false` where it is in none of them by now, or would be over before it began. */
  async move(tx: Tx, id: string, from: readonly CampaignStatus[], to: CampaignStatus): Promise<boolean> {
    const [, moved] = await tx.query<[unknown, number]>(
      `UPDATE campaigns c SET status = $3, held_from = CASE WHEN $3 = 'held' THEN c.status END, version = version + 1, updated_at = now()
        WHERE c.id = $1 AND ${STATUS} = ANY($2) AND ($3 <> 'active' OR ${ENDS} > now())`,
      [id, from, to],
    );
    return moved === 1;
  }

  async pauseAllOf(tx: Tx, ownerId: string): Promise<void> {
    await tx.query(
      `UPDATE campaigns SET status = 'paused', version = version + 1, updated_at = now() WHERE owner_id = $1 AND status = 'active'`,
      [ownerId],
    );
  }

  /** Without its owner nobody stands for what it would be given. */
  async release(tx: Tx, id: string, hasOwner: boolean): Promise<boolean> {
    const [, released] = await tx.query<[unknown, number]>(
      `UPDATE campaigns SET status = CASE WHEN held_from = 'active' AND NOT $2 THEN 'paused' ELSE held_from END, held_from = NULL, version = version + 1, updated_at = now() WHERE id = $1 AND status = 'held'`,
      [id, hasOwner],
    );
    return released === 1;
  }

  async idOf(slug: string): Promise<string | undefined> {
    const [found] = await this.db.query<{ id: string }[]>('SELECT id FROM campaigns WHERE slug = $1', [slug]);
    return found?.id;
  }

  /** Whoever is giving at this moment holds the row, so that one of the two comes first. */
  async remove(tx: Tx, id: string): Promise<boolean> {
    await tx.query('SELECT FROM campaigns WHERE id = $1 FOR UPDATE', [id]);
    const [, removed] = await tx.query<[unknown, number]>(
      'DELETE FROM campaigns WHERE id = $1 AND NOT EXISTS (SELECT FROM donations WHERE campaign_id = $1)',
      [id],
    );
    return removed === 1;
  }
}

export const isId = (text: string) => /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text);

function conditions({ statuses, ownerId, q }: Filter): { where: string; values: unknown[] } {
  const values: unknown[] = [];
  const all = ['true'];
  const say = (text: (at: string) => string, value: unknown) => all.push(text(`$${values.push(value)}`));
  if (statuses) say((at) => `${STATUS} = ANY(${at})`, statuses);
  if (ownerId) say((at) => `c.owner_id = ${at}`, ownerId);
  if (q)
    say(
      (at) =>
        `c.words @@ (websearch_to_tsquery('search_portuguese', portuguese_singular(${at})) || websearch_to_tsquery('search_english', ${at}))`,
      q,
    );
  return { where: all.join(' AND '), values };
}
