import { Injectable } from '@nestjs/common';
import { Transactions, type Tx } from '../database/transactions.js';
import { Cache } from '../http/cache/cache.service.js';
import { readerOf, type Caller } from '../http/caller.js';
import { newId } from '../kernel/ids.js';
import { Refusal } from '../kernel/problems.js';
import { Outbox } from '../outbox/outbox.service.js';
import { statuses, type CampaignStatus } from './campaign.entity.js';
import type { CampaignChangeBody, NewCampaignBody, Sort } from './campaigns.dto.js';
import { endCampaign } from './campaigns.queue.js';
import { CampaignsStore, isId, type CampaignView, type WholeCampaign } from './campaigns.store.js';
import { slugBeside, slugOf } from './slugs.js';

/** Whatever is made of several campaigns carries this tag. */
export const CAMPAIGNS_TAG = 'campaigns';
export const campaignTag = (idOrSlug: string): string => `campaign:${idOrSlug.toLowerCase()}`;

export const isPublic = (status: CampaignStatus): boolean => status === 'active' || status === 'ended';

/** Of what everybody may see, that which is looked for. */
interface Look {
  q?: string;
  status?: CampaignStatus;
  sort?: Sort;
  take: number;
}

/** What its owner, or an admin, may make of a campaign. */
const moves: Record<Move, { from: readonly CampaignStatus[]; to: CampaignStatus }> = {
  publish: { from: ['draft', 'paused'], to: 'active' },
  pause: { from: ['active'], to: 'paused' },
  close: { from: ['active', 'paused'], to: 'ended' },
  hold: { from: ['draft', 'active', 'paused'], to: 'held' },
};
export type Move = 'publish' | 'pause' | 'close' | 'hold';

@Injectable()
export class Campaigns {
  constructor(
    private readonly store: CampaignsStore,
    private readonly transactions: Transactions,
    private readonly cache: Cache,
    private readonly outbox: Outbox,
  ) {}

  /** As this caller may see it: drafts and held ones are there for their owners and admins only. */
  async seenBy(caller: Caller | undefined, idOrSlug: string): Promise<WholeCampaign> {
    const campaign = await this.store.find(idOrSlug);
    const isForAll = campaign && (isPublic(campaign.status) || campaign.status === 'paused');
    if (!campaign || !(isForAll || isHisOwn(campaign, caller))) throw noneSuch();
    if (!isForAll) readerOf(caller);
    return campaign;
  }

  /** Some of those that everybody may see, and how many there are. */
  async shown({ q, status, sort = '-createdAt', take }: Look): Promise<{ items: CampaignView[]; total: number }> {
    const filter = { ...(q ? { q } : {}), statuses: statuses.filter((one) => isPublic(one) && (status ?? one) === one) };
    const [items, total] = await Promise.all([this.store.list(filter, sort, { skip: 0, take }), this.store.count(filter)]);
    return { items, total };
  }

  /** For whoever knows it by its slug, which never becomes another's. */
  async idOf(idOrSlug: string): Promise<string> {
    if (isId(idOrSlug)) return idOrSlug.toLowerCase();
    const id = await this.store.idOf(idOrSlug);
    if (id === undefined) throw noneSuch();
    return id;
  }

  async ownedBy(caller: Caller, idOrSlug: string): Promise<WholeCampaign> {
    const campaign = await this.seenBy(caller, idOrSlug);
    if (!isHisOwn(campaign, caller)) throw new Refusal('forbidden', 'This campaign is somebody else’s.');
    return campaign;
  }

  async create(owner: Caller, body: NewCampaignBody): Promise<WholeCampaign> {
    const id = newId();
    const { endsAt = null, category = null, coverUrl = null, ...rest } = body;
    const campaign = { id, ownerId: owner.id, endsAt, category, coverUrl, ...rest };
    await this.transactions.run(async (tx) => {
      let slug = slugOf(body.title);
      while (!(await this.store.add(tx, { ...campaign, slug }))) slug = slugBeside(slugOf(body.title));
      this.watchEnd(tx, id, endsAt);
    });
    return this.seenBy(owner, id);
  }

  async change(caller: Caller, idOrSlug: string, change: CampaignChangeBody, versions?: number[]): Promise<WholeCampaign> {
    const campaign = await this.ownedBy(caller, idOrSlug);
    if (campaign.status === 'ended') throw new Refusal('campaign_state', 'A campaign that has ended stays as it is.');
    // As others would have to begin anew with theirs.
    if (isSo(campaign, change) && (versions?.includes(campaign.version) ?? true)) return campaign;
    await this.transactions.run(async (tx) => {
      if (!(await this.store.change(tx, campaign.id, change, versions))) throw new Refusal('precondition_failed');
      if (change.endsAt !== undefined) this.watchEnd(tx, campaign.id, change.endsAt);
      this.drop(tx, campaign);
    });
    return this.seenBy(caller, campaign.id);
  }

  /** Again is no fault: whoever asks twice finds it as he wanted it. */
  async move(caller: Caller, idOrSlug: string, move: Move): Promise<WholeCampaign> {
    const campaign = await this.ownedBy(caller, idOrSlug);
    const { from, to } = moves[move];
    await this.transactions.run(async (tx) => {
      if (to === 'active' && !(await this.store.hasOwner(tx, campaign.id)))
        throw new Refusal('campaign_state', 'Its owner has gone, so that nobody stands for it.');
      if (await this.store.move(tx, campaign.id, from, to)) {
        this.drop(tx, campaign);
        return;
      }
      const { status, endsAt } = (await this.store.find(campaign.id)) ?? campaign;
      if (status === to) return;
      const isLate = endsAt !== null && from.includes(status);
      throw new Refusal('campaign_state', isLate ? 'Its `endsAt` has passed: move it first.' : `From ${status} there is no way to ${to}.`);
    });
    return this.seenBy(caller, campaign.id);
  }

  /** What is not held is where this leads, so that again is no fault here either. */
  async release(caller: Caller, idOrSlug: string): Promise<WholeCampaign> {
    const campaign = await this.ownedBy(caller, idOrSlug);
    await this.transactions.run(async (tx) => {
      if (await this.store.release(tx, campaign.id, await this.store.hasOwner(tx, campaign.id))) this.drop(tx, campaign);
    });
    return this.seenBy(caller, campaign.id);
  }

  async remove(caller: Caller, idOrSlug: string): Promise<void> {
    const campaign = await this.ownedBy(caller, idOrSlug);
    await this.transactions.run(async (tx) => {
      if (!(await this.store.remove(tx, campaign.id))) throw new Refusal('conflict', 'Somebody has given to it: end it instead.');
      this.drop(tx, campaign);
    });
  }

  /** For all who see that it is over at its very moment. */
  async ended(id: string): Promise<void> {
    const campaign = await this.store.find(id);
    if (campaign?.status === 'ended') await this.transactions.run(async (tx) => this.drop(tx, campaign));
  }

  drop(tx: Tx, ...campaigns: Pick<WholeCampaign, 'id' | 'slug'>[]): void {
    const tags = campaigns.flatMap(({ id, slug }) => [campaignTag(id), campaignTag(slug)]);
    if (tags.length > 0) this.cache.drop(tx, [...tags, CAMPAIGNS_TAG]);
  }

  private watchEnd(tx: Tx, campaignId: string, endsAt: Date | null): void {
    if (endsAt) this.outbox.add(tx, endCampaign, { campaignId }, { runAt: endsAt, priority: 'high' });
  }
}

const noneSuch = () => new Refusal('not_found', 'There is no such campaign.');

export const isHisOwn = ({ ownerId }: Pick<WholeCampaign, 'ownerId'>, caller: Caller | undefined): boolean =>
  caller !== undefined && (caller.role === 'admin' || caller.id === ownerId);

/** Whether it is already as it shall be. */
const isSo = (campaign: WholeCampaign, change: CampaignChangeBody): boolean =>
  Object.entries(change).every(([name, value]) => JSON.stringify(campaign[name as keyof CampaignChangeBody]) === JSON.stringify(value));
