import { type DynamicModule, Global, Module } from '@nestjs/common';
import { CampaignStatesController } from './campaign-states.controller.js';
import { CampaignUpdatesController } from './campaign-updates.controller.js';
import { CampaignUpdatesStore } from './campaign-updates.store.js';
import { CampaignsOfPeople } from './campaigns.belonging.js';
import { CampaignsController } from './campaigns.controller.js';
import { CampaignEnds } from './campaigns.jobs.js';
import { Campaigns } from './campaigns.service.js';
import { CampaignsStore } from './campaigns.store.js';
import { OlderCampaignsController } from './older-campaigns.controller.js';

@Global()
@Module({})
export class CampaignsModule {
  static of(serves: boolean): DynamicModule {
    return {
      module: CampaignsModule,
      controllers: serves ? [CampaignsController, CampaignStatesController, CampaignUpdatesController, OlderCampaignsController] : [],
      providers: [Campaigns, CampaignsStore, CampaignUpdatesStore, CampaignEnds, CampaignsOfPeople],
      exports: [Campaigns],
    };
  }
}
