import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Transactions, type Tx } from '../database/transactions.js';
import { Cache } from '../http/cache/cache.service.js';
import { pause } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { Outbox } from '../outbox/outbox.service.js';
import { Campaigns } from './campaigns.service.js';
import { DonationsStore } from './donations/donations.store.js';
import { lookAtCharge } from './payments/looks.queue.js';
import { Payments } from './payments/payments.service.js';
import { OtherThanks } from './receipts/other-thanks.service.js';
import { thankDonor } from './receipts/receipts.queue.js';
import { SettlingStore } from './settling.store.js';

const EVERY_MS = 400;
const MOST = 1_000;
const MOST_EARLY = 100;
const LAST_LOOK_MS = 600_000;
/** It tells by itself, and has nothing else to say. */
const SANDBOX = 'sandbox';

/**
 * What follows a gift without anyone waiting for it: sums are rolled up, receipts numbered, thanks sent, what nobody
 * paid expires. Every process looks; whichever comes first does it, so that the death of one is not noticed.
 */
@Injectable()
export class Settling implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly closing = new AbortController();
  private settling: Promise<void> = Promise.resolve();
  private failing = false;
  private readonly allDropped: (began: number) => void;

  constructor(
    private readonly store: SettlingStore,
    private readonly donations: DonationsStore,
    private readonly payments: Payments,
    private readonly campaigns: Campaigns,
    private readonly transactions: Transactions,
    private readonly outbox: Outbox,
    private readonly otherThanks: OtherThanks,
    cache: Cache,
    @Inject(LOG) private readonly log: Log,
  ) {
    this.allDropped = cache.afterLooks();
  }

  onApplicationBootstrap(): void {
    this.settling = this.keepSettling();
  }

  async onApplicationShutdown(): Promise<void> {
    this.closing.abort();
    await this.settling;
    await this.store.close();
  }

  private async keepSettling(): Promise<void> {
    while (!this.closing.signal.aborted) {
      const more = await this.settle().catch((err: unknown) => {
        // Said once: a database that is away is told elsewhere, every second.
        if (!this.failing) this.log.warn({ err }, 'sums and receipts wait');
        this.failing = true;
        return undefined;
      });
      if (more !== undefined) this.failing = false;
      if (!more) await pause(EVERY_MS, this.closing.signal);
    }
  }

  /** Whether there may be more. */
  private async settle(): Promise<boolean> {
    const began = performance.now();
    const waiting = await this.store.waiting();
    if (!waiting.tail) this.allDropped(began);
    // Each by itself: what keeps one of them from being done keeps no other.
    const parts = await Promise.allSettled([
      waiting.tail && this.rollUp(began),
      waiting.early && this.payments.takeEarly(MOST_EARLY),
      waiting.unpaid && this.expire(),
    ]);
    const failed = parts.find((part) => part.status === 'rejected');
    if (failed) throw failed.reason;
    return parts.some((part) => part.status === 'fulfilled' && part.value);
  }

  /** A provider whose word was lost is asked for the last times. */
  private expire(): Promise<boolean> {
    return this.transactions.run(async (tx) => {
      const expired = await this.donations.expire(tx, MOST);
      // Their clock is another, and what was paid in its last moment is told a moment later.
      for (const { id, provider } of expired)
        for (const ms of provider === SANDBOX ? [] : [0, LAST_LOOK_MS])
          this.outbox.add(tx, lookAtCharge, { donationId: id }, { priority: 'low', runAt: new Date(Date.now() + ms) });
      return expired.length === MOST;
    });
  }

  /** Whoever cannot roll up, or is not the one who does, sees to it at least that nobody is told an older sum. */
  private async rollUp(began: number): Promise<boolean> {
    let rolled: number | undefined;
    try {
      rolled = await this.transactions.run((tx) => this.rollUpIn(tx));
    } finally {
      if (rolled === undefined)
        await this.transactions.run(async (tx) => {
          this.campaigns.drop(tx, ...(await this.store.unsettled()));
        });
      if (rolled !== MOST) this.allDropped(began);
    }
    return rolled === MOST;
  }

  /** How many; nothing where another process is at it. */
  private async rollUpIn(tx: Tx): Promise<number | undefined> {
    if (!(await this.store.isMine(tx))) return undefined;
    const { gifts, rows, campaigns } = await this.store.rollUp(tx, MOST);
    for (const { donationId, wantsMessages } of await this.store.issue(tx, gifts)) {
      this.outbox.add(tx, thankDonor, { donationId });
      if (wantsMessages) this.otherThanks.owe(tx, donationId);
    }
    this.campaigns.drop(tx, ...campaigns);
    return rows;
  }
}
