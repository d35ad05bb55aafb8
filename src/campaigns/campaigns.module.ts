import { type DynamicModule, Global, Module } from '@nestjs/common';
import { CampaignStatesController } from './campaign-states.controller.js';
import { CampaignUpdatesController } from './campaign-updates.controller.js';
import { CampaignUpdatesStore } from './campaign-updates.store.js';
import { CampaignsController } from './campaigns.controller.js';
import { CampaignEnds } from './campaigns.jobs.js';
import { Campaigns } from './campaigns.service.js';
import { CampaignsStore } from './campaigns.store.js';

@Global()
@Module({})
export class CampaignsModule {
  static of(serves: boolean): DynamicModule {
    return {
      module: CampaignsModule,
      controllers: serves ? [CampaignsController, CampaignStatesController, CampaignUpdatesController] : [],
      providers: [Campaigns, CampaignsStore, CampaignUpdatesStore, CampaignEnds],
      exports: [Campaigns],
    };
  }
}
