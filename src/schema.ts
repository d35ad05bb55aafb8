import type { Schema } from './database/options.js';
import { Outbox1763600000000 } from './database/migrations/1763600000000-outbox.js';
import { OutboxTrace1763640000000 } from './database/migrations/1763640000000-outbox-trace.js';
import { OutboxLean1763650000000 } from './database/migrations/1763650000000-outbox-lean.js';
import { HandledJob, OutboxMessage, QueueState } from './outbox/outbox.entity.js';

export const schema: Schema = {
  entities: [OutboxMessage, HandledJob, QueueState],
  migrations: [Outbox1763600000000, OutboxTrace1763640000000, OutboxLean1763650000000],
};
