import { BullModule } from '@nestjs/bull';
import { type DynamicModule, Global, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import type { Config } from '../config/config.js';
import type { Log } from '../observability/log.js';
import { RedisModule } from '../redis/redis.module.js';
import { BULL_CLIENTS, BullClients } from './bull.clients.js';
import { allQueues } from './contracts.js';
import { Handlers } from './handlers.js';
import { Outbox } from './outbox.service.js';
import { OutboxStore } from './outbox.store.js';
import { CONSUMES, OutboxWake } from './outbox.wake.js';
import { Paces } from './pace.js';
import { QueueMeasures } from './queues.measures.js';
import { QueuesProbe } from './queues.probe.js';
import { Queues } from './queues.service.js';
import { Relay } from './relay.js';
import { OutboxRunner } from './runner.js';
import { Tickets } from './tickets.service.js';
import { Transport } from './transport.js';
import { Worker } from './worker.js';

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
    const always = [
      ...[Outbox, OutboxStore, OutboxWake, Queues, QueuesProbe, QueueMeasures, Tickets, BullClosing],
      { provide: CONSUMES, useValue: consumes },
      { provide: BULL_CLIENTS, useValue: clients },
    ];
    if (!consumes) return { module: OutboxModule, imports: [RedisModule], providers: always, exports: [Outbox, Queues, Tickets] };
    return {
      module: OutboxModule,
      imports: [
        DiscoveryModule,
        RedisModule,
        BullModule.forRoot({
          ...clients.queueOptions,
          settings: { retryProcessDelay: 500, stalledInterval: 15_000, guardInterval: 60_000 },
        }),
        ...allQueues().map(({ name }) => BullModule.registerQueue({ name })),
      ],
      providers: [...always, Transport, Handlers, Paces, Worker, Relay, OutboxRunner],
      exports: [Outbox, Queues, Tickets],
    };
  }
}
