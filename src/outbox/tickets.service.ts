import { getQueueToken } from '@nestjs/bull';
import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import Bull, { type Queue } from 'bull';
import { DeadlinePassed, within } from '../kernel/waiting.js';
import { RedisAway, type RedisGate } from '../redis/redis.client.js';
import { QUEUE_REDIS } from '../redis/redis.tokens.js';
import { BULL_CLIENTS, type BullClients } from './bull.clients.js';
import { allQueues } from './contracts.js';
import { CONSUMES } from './outbox.wake.js';

const READ_MS = 2_000;

/** Bull's queues, for looking only. A process that does no jobs has none of them before somebody looks. */
@Injectable()
export class Tickets {
  private opened: readonly Queue[] | undefined;

  constructor(
    private readonly modules: ModuleRef,
    @Inject(CONSUMES) private readonly consumes: boolean,
    @Inject(BULL_CLIENTS) private readonly clients: BullClients,
    @Inject(QUEUE_REDIS) private readonly gate: RedisGate,
  ) {}

  /** Bull itself would wait for a Redis that is away. */
  async read<T>(work: (queues: readonly Queue[]) => Promise<T>): Promise<T> {
    await this.gate.run((client) => client.ping());
    this.opened ??= allQueues().map(({ name }) => this.open(name));
    try {
      return await within(READ_MS, 'bull', work(this.opened));
    } catch (fault) {
      throw fault instanceof DeadlinePassed ? new RedisAway('redis did not answer', { cause: fault }) : fault;
    }
  }

  private open(name: string): Queue {
    return this.consumes ? this.modules.get<Queue>(getQueueToken(name), { strict: false }) : new Bull(name, this.clients.queueOptions);
  }
}
