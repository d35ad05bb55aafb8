import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Books } from './books.service.js';
import { BooksStore } from './books.store.js';
import { CampaignStatesController } from './campaign-states.controller.js';
import { CampaignUpdatesController } from './campaign-updates.controller.js';
import { CampaignUpdatesStore } from './campaign-updates.store.js';
import { CampaignsOfPeople } from './campaigns.belonging.js';
import { CampaignsController } from './campaigns.controller.js';
import { CampaignEnds } from './campaigns.jobs.js';
import { Campaigns } from './campaigns.service.js';
import { CampaignsStore } from './campaigns.store.js';
import { DonationsController } from './donations/donations.controller.js';
import { DonationsOfPeople } from './donations/donations.belonging.js';
import { DonationListsController } from './donations/donation-lists.controller.js';
import { DonationLists } from './donations/donation-lists.service.js';
import { DonationsStore } from './donations/donations.store.js';
import { Gifts } from './donations/gifts.service.js';
import { PledgesController } from './donations/pledges.controller.js';
import { Pledges } from './donations/pledges.service.js';
import { PledgesStore } from './donations/pledges.store.js';
import { RefundsOfPeople } from './donations/refunds.belonging.js';
import { Refunds } from './donations/refunds.service.js';
import { RefundsStore } from './donations/refunds.store.js';
import { HeldPaymentsController } from './payments/held-payments.controller.js';
import { Looks } from './payments/looks.jobs.js';
import { PixWebhookController } from './payments/pix-webhook.controller.js';
import { Payments } from './payments/payments.service.js';
import { PaymentsStore } from './payments/payments.store.js';
import { pixProvider, Providers } from './payments/providers.service.js';
import { SandboxNotices } from './payments/sandbox.jobs.js';
import { SandboxProvider } from './payments/sandbox.provider.js';
import { WebhooksController } from './payments/webhooks.controller.js';
import { ReceiptsController } from './receipts/receipts.controller.js';
import { OtherThanks } from './receipts/other-thanks.service.js';
import { Receipts } from './receipts/receipts.service.js';
import { ReceiptsStore } from './receipts/receipts.store.js';
import { Thanks } from './receipts/thanks.jobs.js';
import { Settling } from './settling.service.js';
import { SettlingStore } from './settling.store.js';
import { OlderCampaignsController } from './older-campaigns.controller.js';

const ofCampaigns = [CampaignsController, CampaignStatesController, CampaignUpdatesController, OlderCampaignsController];
const ofDonations = [PledgesController, DonationsController, WebhooksController, PixWebhookController, HeldPaymentsController];
const ofDonors = [ReceiptsController, DonationListsController];

@Global()
@Module({})
export class CampaignsModule {
  static of(serves: boolean): DynamicModule {
    return {
      module: CampaignsModule,
      controllers: serves ? [...ofCampaigns, ...ofDonations, ...ofDonors] : [],
      providers: [
        ...[Campaigns, CampaignsStore, CampaignUpdatesStore, CampaignEnds, CampaignsOfPeople],
        ...[Pledges, PledgesStore, DonationsStore, DonationsOfPeople, Refunds, RefundsOfPeople, RefundsStore, Thanks, OtherThanks],
        pixProvider,
        ...[Providers, SandboxProvider, SandboxNotices, Looks, Payments, PaymentsStore, Settling, SettlingStore, Books, BooksStore],
        ...[Gifts, DonationLists, Receipts, ReceiptsStore],
      ],
      exports: [Campaigns, OtherThanks],
    };
  }
}
