import { ApiKey } from './auth/api-key.entity.js';
import { SecondFactor } from './auth/second-factor.entity.js';
import { Session } from './auth/session.entity.js';
import { SignInFailure } from './auth/sign-in-failure.entity.js';
import { CampaignUpdate } from './campaigns/campaign-update.entity.js';
import { Campaign } from './campaigns/campaign.entity.js';
import type { Schema } from './database/options.js';
import { Outbox1763600000000 } from './database/migrations/1763600000000-outbox.js';
import { OutboxTrace1763640000000 } from './database/migrations/1763640000000-outbox-trace.js';
import { OutboxLean1763650000000 } from './database/migrations/1763650000000-outbox-lean.js';
import { CacheDrops1763660000000 } from './database/migrations/1763660000000-cache-drops.js';
import { People1763700000000 } from './database/migrations/1763700000000-people.js';
import { Mails1763710000000 } from './database/migrations/1763710000000-mails.js';
import { Campaigns1763800000000 } from './database/migrations/1763800000000-campaigns.js';
import { Donations1763900000000 } from './database/migrations/1763900000000-donations.js';
import { SearchPlurals1763910000000 } from './database/migrations/1763910000000-search-plurals.js';
import { Ai1763920000000 } from './database/migrations/1763920000000-ai.js';
import { AiChat1763930000000 } from './database/migrations/1763930000000-ai-chat.js';
import { CacheDropPrefixes1763940000000 } from './database/migrations/1763940000000-cache-drop-prefixes.js';
import { WhatsApp1764000000000 } from './database/migrations/1764000000000-whatsapp.js';
import { QueuePaces1764010000000 } from './database/migrations/1764010000000-queue-paces.js';
import { Audio1765000000000 } from './database/migrations/1765000000000-audio.js';
import { Alerts1766000000000 } from './database/migrations/1766000000000-alerts.js';
import { Analytics1767000000000 } from './database/migrations/1767000000000-analytics.js';
import { CampaignWords1768000000000 } from './database/migrations/1768000000000-campaign-words.js';
import { CampaignWordsOfOld1768010000000 } from './database/migrations/1768010000000-campaign-words-of-old.js';
import { AnalyticsMoments1769000000000 } from './database/migrations/1769000000000-analytics-moments.js';
import { CacheDrop } from './http/cache/cache-drop.entity.js';
import { Mail } from './mail/mail.entity.js';
import { HandledJob, OutboxMessage, QueueState } from './outbox/outbox.entity.js';
import { AuditEntry } from './users/audit.entity.js';
import { Plan } from './users/plan.entity.js';
import { User } from './users/user.entity.js';

export const schema: Schema = {
  entities: [
    OutboxMessage,
    HandledJob,
    QueueState,
    CacheDrop,
    Mail,
    Plan,
    User,
    AuditEntry,
    Session,
    ApiKey,
    SecondFactor,
    SignInFailure,
    Campaign,
    CampaignUpdate,
  ],
  migrations: [
    Outbox1763600000000,
    OutboxTrace1763640000000,
    OutboxLean1763650000000,
    CacheDrops1763660000000,
    People1763700000000,
    Mails1763710000000,
    Campaigns1763800000000,
    Donations1763900000000,
    SearchPlurals1763910000000,
    Ai1763920000000,
    AiChat1763930000000,
    CacheDropPrefixes1763940000000,
    WhatsApp1764000000000,
    QueuePaces1764010000000,
    Audio1765000000000,
    Alerts1766000000000,
    Analytics1767000000000,
    CampaignWords1768000000000,
    CampaignWordsOfOld1768010000000,
    AnalyticsMoments1769000000000,
  ],
};
