import { defineJob, defineQueue } from '../outbox/contracts.js';

const campaignsQueue = defineQueue({ name: 'campaigns', concurrency: 4 });

export const endCampaign = defineJob<{ campaignId: string }>({ queue: campaignsQueue, name: 'campaigns.end' });
