import { BullModule } from '@nestjs/bull';
import { type DynamicModule, Global, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import type { Config } from '../config/config.js';
import type { Log } from '../observability/log.js';
import { families } from '../redis/keys.js';
import { closeRedis, connectRedis, type RedisClient } from '../redis/redis.client.js';
import { RedisModule } from '../redis/redis.module.js';
import { allQueues } from './contracts.js';
import { Handlers } from './handlers.js';
import { Outbox } from './outbox.service.js';
import { OutboxStore } from './outbox.store.js';
import { CONSUMES, OutboxWake } from './outbox.wake.js';
import { Paces } from './pace.js';
import { QueuesProbe } from './queues.probe.js';
import { Queues } from './queues.service.js';
import { Relay } from './relay.js';
import { OutboxRunner } from './runner.js';
import { Transport } from './transport.js';
import { Worker } from './worker.js';

const BULL_CLIENTS = Symbol('bull clients');

/** All queues share one connection for commands; each has its own that waits for work. */
class BullClients {
  private readonly clients: RedisClient[] = [];
  private shared: RedisClient | undefined;

  constructor(
    private readonly url: string,
    private readonly log: Log,
  ) {}

  readonly create = (type: 'client' | 'subscriber' | 'bclient') => {
    if (type !== 'client') return this.open(type) as never;
    return (this.shared ??= this.open(type)) as never;
  };

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

@Injectable()
class BullClosing implements OnApplicationShutdown {
  constructor(@Inject(BULL_CLIENTS) private readonly clients: BullClients) {}
  onApplicationShutdown(): Promise<void> {
    return this.clients.close();
  }
}

@Global()
@Module({})
export class OutboxModule {
  /** Every process may add work; those that consume also hand it over and do it. */
  static of(config: Config, log: Log, consumes: boolean): DynamicModule {
    const clients = new BullClients(config.REDIS_URL ?? '', log);
    const always = [Outbox, OutboxStore, OutboxWake, Queues, QueuesProbe, { provide: CONSUMES, useValue: consumes }];
    if (!consumes) return { module: OutboxModule, providers: always, exports: [Outbox, Queues] };
    return {
      module: OutboxModule,
      imports: [
        DiscoveryModule,
        RedisModule,
        BullModule.forRoot({
          prefix: families.bull,
          createClient: clients.create,
          settings: { retryProcessDelay: 500, stalledInterval: 15_000, guardInterval: 60_000 },
        }),
        ...allQueues().map(({ name }) => BullModule.registerQueue({ name })),
      ],
      providers: [
        ...always,
        { provide: BULL_CLIENTS, useValue: clients },
        BullClosing,
        Transport,
        Handlers,
        Paces,
        Worker,
        Relay,
        OutboxRunner,
      ],
      exports: [Outbox, Queues],
    };
  }
}
