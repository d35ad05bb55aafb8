import { setMaxListeners } from 'node:events';
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { gathered } from '../../kernel/gathered.js';
import { pause, within } from '../../kernel/waiting.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import { LineStore, type Ticket } from './line.store.js';
import { OutcomesStore, type Sent } from './outcomes.store.js';
import type { Outcome, Outgoing, WhatsAppProvider } from './provider/provider.js';
import { gapMs } from './turns.js';
import { WHATSAPP_PROVIDER } from './whatsapp.queue.js';

const LOOK_EVERY_MS = 100;
/** Messages of this process between their taking and their end. */
const MOST_AT_ONCE = 256;
const TOGETHER_MS = 3;
/** Whoever is later than the turns that were given with his has missed them, or two seconds of sending would fall into one. */
const LATE_MS = 40;
/** Who is behind may go so much closer than the pace. */
const HURRY = 0.95;
const LEAST_TAKE_MS = 30;
const MOST_TAKE_MS = 2_000;
const LEAST_LEAD_MS = 10;
const MOST_LEAD_MS = 200;
const FAR_MS = 90;
const FINISH_MS = 5_000;
/** So many in a row of which nobody knows, and everybody waits for so long. */
const MOST_UNKNOWN = 5;
const HOLD_MS = 15_000;
const MOST_NOTES = 240;
const NOTE_AGAIN_MS = 500;

/** By the clock of this process. */
interface Turn extends Ticket {
  atMs: number;
  untilMs: number;
}

/** Sends what is due, each message at its turn. */
@Injectable()
export class Sender implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly closing = new AbortController();
  /** Calls end with this, at the very end. */
  private readonly over = new AbortController();
  private looking: Promise<void> = Promise.resolve();
  private readonly under = new Set<Promise<void>>();
  private failing = false;
  private unknownInARow = 0;
  /** How long before its turn a message is noted as being sent: as long as that takes of late. */
  private leadMs = LEAST_LEAD_MS;
  /** How long it takes to be given turns. */
  private takeMs = LEAST_TAKE_MS;
  private gate: Promise<unknown> = Promise.resolve();
  private lastMs = -Infinity;
  private readonly leastGapMs: number;

  constructor(
    private readonly line: LineStore,
    private readonly outcomes: OutcomesStore,
    @Inject(WHATSAPP_PROVIDER) private readonly provider: WhatsAppProvider,
    @Inject(CONFIG) { WHATSAPP_RATE_PER_SECOND }: Config,
    @Inject(LOG) private readonly log: Log,
  ) {
    this.leastGapMs = gapMs(WHATSAPP_RATE_PER_SECOND) * HURRY;
    // Each message under way listens.
    setMaxListeners(0, this.closing.signal, this.over.signal);
  }

  private readonly begin = gathered<Ticket, boolean>(TOGETHER_MS, async (tickets) => {
    const began = performance.now();
    const begun = await this.line.begin(tickets);
    const took = performance.now() - began;
    this.leadMs = Math.min(MOST_LEAD_MS, Math.max(LEAST_LEAD_MS, took + TOGETHER_MS, this.leadMs * 0.9));
    return tickets.map(({ id }) => begun.has(id));
  });

  private readonly noteSent = gathered<Sent, undefined>(TOGETHER_MS, async (all) => {
    await this.insist(() => this.outcomes.sent(all));
    return all.map(() => undefined);
  });

  private readonly giveBack = gathered<Ticket, undefined>(TOGETHER_MS, async (tickets) => {
    await this.insist(() => this.line.giveBack(tickets));
    return tickets.map(() => undefined);
  });

  private isClosing(): boolean {
    return this.closing.signal.aborted;
  }

  onApplicationBootstrap(): void {
    this.looking = this.keepLooking();
  }

  /** Takes nothing more, gives back what has not had its turn, and waits for the calls. */
  async beforeApplicationShutdown(): Promise<void> {
    this.closing.abort();
    await this.looking;
    await within(FINISH_MS, 'messages', Promise.all(this.under)).catch(() => this.over.abort());
    await Promise.all(this.under);
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.line.close(), this.provider.close()]);
  }

  private async keepLooking(): Promise<void> {
    while (!this.isClosing()) {
      try {
        await this.look();
        this.failing = false;
      } catch (err) {
        this.fail(err);
      }
      await pause(LOOK_EVERY_MS, this.closing.signal);
    }
  }

  private async look(): Promise<void> {
    const { due, stale } = await this.line.look();
    if (stale) {
      const { unknown } = await this.line.freshen();
      if (unknown > 0) this.log.warn({ messages: unknown }, 'whether messages were sent is unknown, as their process ended meanwhile');
    }
    const room = this.room();
    if (!(due || stale) || room <= 0) return;
    const began = performance.now();
    const taken = await this.line.take(room, this.takeMs);
    const now = performance.now();
    this.takeMs = Math.min(MOST_TAKE_MS, Math.max(LEAST_TAKE_MS, (now - began) * 1.5, this.takeMs * 0.9));
    for (const { message, inMs, untilMs, ...ticket } of taken) {
      const carrying = this.carry({ ...ticket, atMs: now + inMs, untilMs: now + untilMs }, message).finally(() =>
        this.under.delete(carrying),
      );
      this.under.add(carrying);
    }
  }

  /** After too many of which nobody knows, one at a time is tried until one is known. */
  private room(): number {
    if (this.unknownInARow >= MOST_UNKNOWN) return this.under.size === 0 ? 1 : 0;
    return MOST_AT_ONCE - this.under.size;
  }

  /** What fails here is found by its lease, by whoever looks. */
  private async carry(turn: Turn, message: Outgoing): Promise<void> {
    try {
      await pause(turn.atMs - performance.now() - this.leadMs, this.closing.signal);
      // From its leave to the call nothing waits: it begins with this turn of the loop, or not at all.
      if (await this.mayGo(turn)) await this.end(turn, await this.provider.send(message, this.over.signal));
      else await this.giveBack(turn);
    } catch (err) {
      this.fail(err);
    }
  }

  /** Said once: a database that is away is told elsewhere, every second. */
  private fail(err: unknown): void {
    if (!this.failing) this.log.warn({ err }, 'messages wait');
    this.failing = true;
  }

  /** What became of a message is known here alone. */
  private async insist(note: () => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await note();
        return;
      } catch (err) {
        if (tries === MOST_NOTES || this.over.signal.aborted) throw err;
        this.fail(err);
        await pause(NOTE_AGAIN_MS, this.over.signal);
      }
    }
  }

  private async mayGo(turn: Turn): Promise<boolean> {
    return !this.isLate(turn) && (await this.begin(turn)) && (await this.passGate(turn));
  }

  private isLate({ atMs, untilMs }: Turn): boolean {
    // Where turns are far apart, the next one's second would have two.
    const lastMs = this.leastGapMs > FAR_MS ? Math.min(atMs, untilMs) : untilMs;
    return this.isClosing() || performance.now() > lastMs + LATE_MS;
  }

  /** One after the other, and never closer than the pace: where this process stood still, those behind it do not all go at once. */
  private passGate(turn: Turn): Promise<boolean> {
    const passing = this.gate.then(async () => {
      await pause(Math.max(turn.atMs, this.lastMs + this.leastGapMs) - performance.now(), this.closing.signal);
      if (this.isLate(turn)) return false;
      this.lastMs = performance.now();
      return true;
    });
    this.gate = passing;
    return passing;
  }

  private async end(ticket: Ticket, outcome: Outcome): Promise<void> {
    this.unknownInARow = outcome.kind === 'unknown' ? this.unknownInARow + 1 : 0;
    if (outcome.kind === 'sent') {
      const { reference, delivered = false } = outcome;
      await this.noteSent({ ...ticket, reference, delivered });
      return;
    }
    const { kind, code } = { code: undefined, ...outcome };
    // Not why: that may hold a telephone.
    this.log.warn({ messageId: ticket.id, kind, code }, 'a message was not sent');
    // Each is one more that somebody has to look at.
    if (this.unknownInARow >= MOST_UNKNOWN) await this.insist(() => this.outcomes.hold(HOLD_MS));
    await this.insist(() => {
      switch (outcome.kind) {
        case 'wait':
          return this.outcomes.wait(ticket, outcome);
        case 'stop':
          return this.outcomes.stop(ticket, outcome);
        case 'fix':
          return this.outcomes.fix(ticket, outcome);
        case 'unknown':
          return this.outcomes.unknown([ticket], outcome.why);
      }
    });
  }
}
