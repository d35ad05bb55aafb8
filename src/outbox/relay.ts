import { Inject, Injectable } from '@nestjs/common';
import { pause } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { allQueues } from './contracts.js';
import { OutboxStore, type Ticket } from './outbox.store.js';
import { OutboxWake } from './outbox.wake.js';
import { Paces } from './pace.js';
import { ticketsAtOnce, Transport } from './transport.js';

const LOOK_EVERY_MS = 250;
const BETWEEN_LOOKS_MS = 25;
const AFTER_FAULT_MS = 500;
const SWEEP_EVERY_MS = 1_000;
const FORGET_EVERY_MS = 600_000;
const GUARD_DAYS = 30;
/** Tickets in Bull never exceed the work of about this time. */
const AHEAD_SECONDS = 1.5;

/** Hands due rows over to Bull, a second or two of work ahead, and again whatever was not done in its time. */
@Injectable()
export class Relay {
  private readonly closing = new AbortController();
  private rung: (() => void) | undefined;
  private ringing = false;
  private loops: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly store: OutboxStore,
    private readonly transport: Transport,
    private readonly paces: Paces,
    wake: OutboxWake,
    @Inject(LOG) private readonly log: Log,
  ) {
    wake.onRing(() => this.ring());
    transport.onDrained(() => this.ring());
  }

  start(): void {
    this.loops = Promise.all([
      this.repeat(
        (handed) => this.rest(handed),
        () => this.handOver(),
      ),
      this.repeat(
        () => pause(SWEEP_EVERY_MS, this.closing.signal),
        () => this.sweep(),
      ),
      this.repeat(
        () => pause(FORGET_EVERY_MS, this.closing.signal),
        () => this.store.forget(GUARD_DAYS),
      ),
    ]);
  }

  async stop(): Promise<void> {
    this.closing.abort();
    this.ring();
    await this.loops;
  }

  private ring(): void {
    this.ringing = true;
    this.rung?.();
  }

  private async repeat<T>(rest: (result: T | undefined) => Promise<void>, work: () => Promise<T>): Promise<void> {
    let told = false;
    while (!this.closing.signal.aborted) {
      let result: T | undefined;
      try {
        result = await work();
        told = false;
      } catch (error) {
        if (!told) this.log.warn({ err: error }, 'the outbox waits');
        told = true;
        await pause(AFTER_FAULT_MS, this.closing.signal);
      }
      await rest(result);
    }
  }

  // A full round means that more is due; otherwise new work, a drained queue, or a quarter of a second.
  private async rest(full: boolean | undefined): Promise<void> {
    await pause(BETWEEN_LOOKS_MS, this.closing.signal);
    if (full || this.closing.signal.aborted) return;
    if (!this.ringing) {
      const bell = new AbortController();
      this.rung = () => bell.abort();
      await pause(LOOK_EVERY_MS, bell.signal);
      this.rung = undefined;
    }
    this.ringing = false;
  }

  private async handOver(): Promise<boolean> {
    const waiting = await this.transport.waiting();
    const rooms = new Map<string, number>();
    for (const { name, concurrency } of allQueues()) {
      const perSecond = this.paces.of(name).perSecond();
      const ahead = Math.max(Math.ceil(perSecond * AHEAD_SECONDS), concurrency * 2);
      const room = ahead - (waiting.get(name) ?? 0) * ticketsAtOnce(perSecond);
      if (room > 0) rooms.set(name, room);
    }
    if (rooms.size === 0) return false;
    const tickets = new Map<string, Ticket[]>();
    for (const row of await this.store.hand(rooms)) {
      const some = tickets.get(row.queue);
      if (some) some.push(row);
      else tickets.set(row.queue, [row]);
    }
    await Promise.all([...tickets].map(([queue, some]) => this.give(queue, some)));
    return [...tickets].some(([queue, some]) => some.length === rooms.get(queue));
  }

  private async give(queue: string, tickets: readonly Ticket[]): Promise<void> {
    try {
      await this.transport.hand(queue, tickets, ticketsAtOnce(this.paces.of(queue).perSecond()));
    } catch (error) {
      await this.store.takeBack(tickets);
      throw error;
    }
  }

  private async sweep(): Promise<void> {
    for (const { id, job, was, state } of await this.store.sweep()) {
      if (state === 'dead') this.log.error({ job, id }, 'dead letter: its runs end with their process');
      // A ticket that was not taken in its time is no news: its row is handed over again.
      else this.log[was === 'running' ? 'warn' : 'debug']({ job, id }, 'not done in its time, handed over again');
    }
    if (await this.transport.hasForgotten()) {
      const rows = await this.store.takeAllBack();
      if (rows > 0) this.log.warn({ rows }, 'redis came back empty, its jobs are handed over again');
    }
  }
}
