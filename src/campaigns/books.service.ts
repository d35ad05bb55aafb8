import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { Transactions } from '../database/transactions.js';
import { pause } from '../kernel/waiting.js';
import { Mailer } from '../mail/mailer.service.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { type HealthProbe, Probe, ProbeDown } from '../observability/probe.js';
import { HandlesJob, type JobRun } from '../outbox/handlers.js';
import { Outbox } from '../outbox/outbox.service.js';
import { tellOfBooks } from './books.queue.js';
import { BooksStore, type Mismatch } from './books.store.js';
import { PledgesStore } from './donations/pledges.store.js';

const LOOK_MS = 30_000;
const COMPARE = 'compare the books';
const COMPARE_MINUTES = 60;
const FORGET = 'forget stored answers';
const FORGET_MINUTES = 10;
const KEEP_HOURS = 48;
const AT_ONCE = 5_000;

/** Every hour gifts, ledger and totals are compared, and somebody is told where they differ. */
@Injectable()
@Probe({ name: 'books', whenDown: 'degraded' })
export class Books implements HealthProbe, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly closing = new AbortController();
  private looking: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: BooksStore,
    private readonly pledges: PledgesStore,
    private readonly transactions: Transactions,
    private readonly outbox: Outbox,
    private readonly mailer: Mailer,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.looking = this.keepLooking();
  }

  async onApplicationShutdown(): Promise<void> {
    this.closing.abort();
    await this.looking;
    await this.store.close();
  }

  async check(): Promise<Record<string, unknown>> {
    const last = await this.store.last(COMPARE);
    const facts = { comparedAt: last?.doneAt ?? null };
    if (last?.finding) throw new ProbeDown(last.finding, facts);
    return facts;
  }

  /** Those that differ; told to whoever reads the log, the health report and the letters to ALERT_EMAIL_TO. */
  async compare(): Promise<Mismatch[]> {
    const mismatches = await this.store.compare();
    const finding = mismatches.length > 0 ? `gifts, ledger and totals differ in ${mismatches.length} campaigns` : null;
    const known = (await this.store.last(COMPARE))?.finding ?? null;
    await this.store.found(COMPARE, finding);
    if (finding === null) return mismatches;
    this.log.error({ alert: 'books_differ', mismatches }, finding);
    if (finding !== known && this.config.ALERT_EMAIL_TO)
      await this.transactions.run(async (tx) => void this.outbox.add(tx, tellOfBooks, { finding }));
    return mismatches;
  }

  @HandlesJob(tellOfBooks)
  async tell({ finding }: { finding: string }, run: JobRun): Promise<void> {
    const { ALERT_EMAIL_TO } = this.config;
    if (!ALERT_EMAIL_TO) return;
    const text = `Mutirão: ${finding}.\n\nThe log names them in the line with alert: books_differ. docs/donations.md says what to do.\n`;
    await this.mailer.deliver(run, { to: ALERT_EMAIL_TO, subject: 'Mutirão: the books differ', text });
  }

  private async keepLooking(): Promise<void> {
    while (!this.closing.signal.aborted) {
      await this.look().catch((err: unknown) => this.log.warn({ err }, 'the books could not be looked at'));
      await pause(LOOK_MS, this.closing.signal);
    }
  }

  private async compareOrGiveBack(): Promise<void> {
    try {
      await this.compare();
    } catch (fault) {
      await this.store.giveBack(COMPARE);
      throw fault;
    }
  }

  private async look(): Promise<void> {
    if (await this.store.claim(COMPARE, COMPARE_MINUTES)) await this.compareOrGiveBack();
    if (!(await this.store.claim(FORGET, FORGET_MINUTES))) return;
    while (!this.closing.signal.aborted && (await this.pledges.forget(KEEP_HOURS, AT_ONCE)));
  }
}
