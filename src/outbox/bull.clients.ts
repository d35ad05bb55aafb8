import type { Log } from '../observability/log.js';
import { families } from '../redis/keys.js';
import { closeRedis, connectRedis, type RedisClient } from '../redis/redis.client.js';

export const BULL_CLIENTS = Symbol('bull clients');

/** All queues share one connection for commands; each has its own that waits for work. */
export class BullClients {
  private readonly clients: RedisClient[] = [];
  private shared: RedisClient | undefined;

  constructor(
    private readonly url: string,
    private readonly log: Log,
  ) {}

  private readonly create = (type: 'client' | 'subscriber' | 'bclient') => {
    if (type !== 'client') return this.open(type) as never;
    return (this.shared ??= this.open(type)) as never;
  };

  get queueOptions() {
    return { prefix: families.bull, createClient: this.create };
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map(closeRedis));
  }

  // Bull's own rule: it waits for its Redis. What must not wait never asks Bull without asking the gate.
  private open(type: string): RedisClient {
    const client = connectRedis(this.url, `bull-${type}`, this.log, {
      enableOfflineQueue: true,
      maxRetriesPerRequest: null,
      enableReadyCheck: type === 'client',
      // What Bull asked is asked again after a break: it waits for that answer and for nothing else.
      autoResendUnfulfilledCommands: true,
    });
    client.setMaxListeners(0);
    this.clients.push(client);
    return client;
  }
}
