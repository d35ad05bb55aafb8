import { Injectable } from '@nestjs/common';
import { HandlesJob } from '../outbox/handlers.js';
import { endCampaign } from './campaigns.queue.js';
import { Campaigns } from './campaigns.service.js';

@Injectable()
export class CampaignEnds {
  constructor(private readonly campaigns: Campaigns) {}

  @HandlesJob(endCampaign)
  end({ campaignId }: { campaignId: string }): Promise<void> {
    return this.campaigns.ended(campaignId);
  }
}
