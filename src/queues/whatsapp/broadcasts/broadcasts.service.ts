import { Injectable } from '@nestjs/common';
import { Campaigns } from '../../../campaigns/campaigns.service.js';
import { Transactions } from '../../../database/transactions.js';
import type { Caller } from '../../../http/caller.js';
import { newId } from '../../../kernel/ids.js';
import { Refusal } from '../../../kernel/problems.js';
import { Outbox } from '../../../outbox/outbox.service.js';
import { Templates } from '../templates.service.js';
import { AudienceStore } from './audience.store.js';
import type { BroadcastBody } from './broadcasts.dto.js';
import { prepareBroadcast } from './broadcasts.queue.js';
import { BroadcastsStore, moves, type BroadcastState, type BroadcastView, type Move } from './broadcasts.store.js';
import { Forecast, type Plan } from './forecast.service.js';
import { Waiting } from './waiting.service.js';

const leadsTo: Record<Move, readonly BroadcastState[]> = { pause: ['paused'], resume: ['preparing', 'running'], cancel: ['cancelled'] };

@Injectable()
export class Broadcasts {
  constructor(
    private readonly store: BroadcastsStore,
    private readonly audiences: AudienceStore,
    private readonly forecast: Forecast,
    private readonly waiting: Waiting,
    private readonly campaigns: Campaigns,
    private readonly templates: Templates,
    private readonly transactions: Transactions,
    private readonly outbox: Outbox,
  ) {}

  /** `isNew` is false where its sender has used the key before. */
  async create(caller: Caller, { campaignId, template, audience, dedupeKey }: BroadcastBody) {
    const campaign = await this.campaigns.ownedBy(caller, campaignId);
    if (campaign.status === 'held') throw new Refusal('campaign_state', 'In the name of a campaign that is held nobody is written to.');
    await this.templates.mustFit(template);
    const id = newId();
    const isNew = await this.transactions.run(async (tx) => {
      if (!(await this.store.add(tx, { id, campaignId: campaign.id, senderId: caller.id, template, audience, dedupeKey }))) return false;
      const reach = await this.audiences.write(tx, id, campaign.id, audience);
      await this.store.planned(tx, id, reach, await this.forecast.of(reach, tx));
      this.outbox.add(tx, prepareBroadcast, { broadcastId: id }, { priority: 'high' });
      return true;
    });
    const known = isNew || dedupeKey === undefined ? id : await this.store.idOfKey(caller.id, dedupeKey);
    return { isNew, broadcast: await this.seenBy(caller, known ?? id) };
  }

  /** What it would come to; nothing is written. */
  async plan(caller: Caller, { campaignId, template, audience }: BroadcastBody): Promise<Plan> {
    const campaign = await this.campaigns.ownedBy(caller, campaignId);
    await this.templates.mustFit(template);
    return this.forecast.of(await this.audiences.reach(campaign.id, audience));
  }

  /** Whoever owns the campaign sees what is sent in its name, whoever sends it. */
  async seenBy(caller: Caller, id: string): Promise<BroadcastView> {
    const broadcast = await this.store.find(id);
    if (!broadcast) throw noneSuch();
    if (caller.role !== 'admin')
      await this.campaigns.ownedBy(caller, broadcast.campaignId).catch((fault: unknown) => {
        throw fault instanceof Refusal && fault.code === 'forbidden' ? noneSuch() : fault;
      });
    return broadcast;
  }

  /** Again is no fault. */
  async move(caller: Caller, id: string, move: Move): Promise<BroadcastView> {
    await this.seenBy(caller, id);
    const { state, isHeld } = await this.store.move(id, move);
    if (leadsTo[move].includes(state)) return this.seenBy(caller, id);
    if (!moves[move].from.includes(state)) throw new Refusal('conflict', `One that is ${state} stays so.`);
    if (move === 'resume' && isHeld)
      throw new Refusal('campaign_state', 'It stays paused while its campaign is held, or whoever made it may not sign in.');
    const { status } = await this.seenBy(caller, id);
    await this.waiting.follow(id, status);
    return this.seenBy(caller, id);
  }
}

const noneSuch = () => new Refusal('not_found', 'There is no such broadcast.');
