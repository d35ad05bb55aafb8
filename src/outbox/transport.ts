import { getQueueToken } from '@nestjs/bull';
import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Queue } from 'bull';
import { within } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { redisKey } from '../redis/keys.js';
import { RedisAway, type RedisGate } from '../redis/redis.client.js';
import { QUEUE_REDIS } from '../redis/redis.tokens.js';
import { allQueues, type QueueContract } from './contracts.js';
import type { Ticket } from './outbox.store.js';

const HAND_OVER_MS = 2_000;
const MOST_TICKETS = 16;
const PACE_PER_TICKET = 10;
const BEGIN_AGAIN_MS = 1_000;
const EPOCH = redisKey('outbox', 'epoch');

/** At a high pace a Bull job carries several tickets, as its own cost would be most of a small job's. */
export const ticketsAtOnce = (perSecond: number): number => Math.min(MOST_TICKETS, Math.max(1, Math.floor(perSecond / PACE_PER_TICKET)));

/** Bull as pace-maker: it carries tickets, and forgets each when it is through. */
@Injectable()
export class Transport {
  private readonly queues = new Map<string, Queue>();
  private paused = false;
  private drained = (): void => undefined;

  constructor(
    private readonly modules: ModuleRef,
    @Inject(QUEUE_REDIS) private readonly gate: RedisGate,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** How many Bull jobs wait, for each queue. */
  async waiting(): Promise<Map<string, number>> {
    const contracts = allQueues();
    const lengths = await this.gate.run(() =>
      Promise.all(contracts.map(({ name }) => this.gate.client.llen(this.queue(name).toKey('wait')))),
    );
    return new Map(contracts.map(({ name }, index) => [name, lengths[index] ?? 0]));
  }

  async hand(name: string, tickets: readonly Ticket[], atOnce: number): Promise<void> {
    // Bull waits for ever for a Redis that is away.
    if (this.gate.away) throw new RedisAway('redis is away');
    const opts = { attempts: 1, removeOnComplete: true, removeOnFail: true };
    const queue = this.queue(name);
    const jobs: Promise<unknown>[] = [];
    for (let from = 0; from < tickets.length; from += atOnce) {
      const some = tickets.slice(from, from + atOnce).map(({ id, handovers }) => ({ id, handovers }));
      // One by one: Bull's way to add many does not tell what was refused.
      jobs.push(queue.add(some, { ...opts, jobId: `${some[0]?.id}.${some[0]?.handovers}` }));
    }
    await within(HAND_OVER_MS, 'bull', Promise.all(jobs));
  }

  /** True once after Redis lost what it knew: the mark is gone with everything else. */
  async hasForgotten(): Promise<boolean> {
    const fresh = await this.gate.run((client) => client.set(EPOCH, new Date().toISOString(), 'NX'));
    return fresh === 'OK';
  }

  /** Tells when a queue has nothing left for this process. */
  onDrained(tell: () => void): void {
    this.drained = tell;
  }

  consume({ name, concurrency }: QueueContract, work: (tickets: readonly Ticket[]) => Promise<unknown>): void {
    const queue = this.queue(name);
    // What goes wrong in Bull is made good from the table; it is told, not thrown.
    queue.on('error', (error) => this.log.debug({ err: error, queue: name }, 'bull'));
    queue.on('drained', () => this.drained());
    this.begin(queue, concurrency, work);
  }

  /** Takes nothing new in this process. */
  async pause(): Promise<void> {
    this.paused = true;
    await Promise.all(
      [...this.queues.values()].map((queue) => within(1_000, 'bull pause', queue.pause(true, true)).catch(() => undefined)),
    );
  }

  private begin(queue: Queue, concurrency: number, work: (tickets: readonly Ticket[]) => Promise<unknown>): void {
    queue
      .process(concurrency, (job) => work(job.data as Ticket[]))
      .catch((error: unknown) => {
        if (this.paused) return;
        this.log.warn({ err: error, queue: queue.name }, 'redis refused to let this process work, trying again');
        setTimeout(() => {
          // Bull has no way to begin anew; this is all that it remembers of the beginning.
          Object.assign(queue, { handlers: {}, _initializingProcess: undefined, registeredEvents: undefined });
          this.begin(queue, concurrency, work);
        }, BEGIN_AGAIN_MS).unref();
      });
  }

  private queue(name: string): Queue {
    let queue = this.queues.get(name);
    if (!queue) {
      queue = this.modules.get<Queue>(getQueueToken(name), { strict: false });
      this.queues.set(name, queue);
    }
    return queue;
  }
}
