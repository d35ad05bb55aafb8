import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import { consumes, type Config } from '../../config/config.js';
import { directUrl } from '../../database/options.js';
import { Transactions, type Tx } from '../../database/transactions.js';
import { newId } from '../../kernel/ids.js';
import { pause } from '../../kernel/waiting.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import { HandlesJob, type JobRun } from '../../outbox/handlers.js';
import { Outbox } from '../../outbox/outbox.service.js';
import { refreshDatasets } from '../analytics.queue.js';
import { exportAll } from './exporter.js';
import { folderOf } from './folder.js';
import { RefreshesStore, type Refresh } from './refreshes.store.js';

const LOOK_MS = 20_000;

/** Orders and does what keeps the Parquet near to PostgreSQL. */
@Injectable()
export class Refreshes implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly closing = new AbortController();
  private looking: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: RefreshesStore,
    private readonly transactions: Transactions,
    private readonly outbox: Outbox,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    if (consumes(this.config) && this.config.ANALYTICS_REFRESH_MINUTES > 0) this.looking = this.keepLooking();
  }

  async onApplicationShutdown(): Promise<void> {
    this.closing.abort();
    await this.looking;
  }

  /** Whoever orders while one waits is told of that one: it sees whatever he saw. */
  order(): Promise<Refresh> {
    return this.transactions.run((tx) => this.orderIn(tx));
  }

  @HandlesJob(refreshDatasets)
  async refresh({ refreshId }: { refreshId: string }, run: JobRun): Promise<void> {
    await this.store.begin(refreshId);
    try {
      const exported = await exportAll(directUrl(this.config), folderOf(this.config), newId(), run.signal);
      await run.commit((tx) => this.store.end(tx, refreshId, 'done', exported));
      this.log.info(exported, 'exported for business questions');
    } catch (fault) {
      await this.store.fail(refreshId, { why: fault instanceof Error ? fault.message : String(fault) });
      throw fault;
    }
  }

  private async orderIn(tx: Tx): Promise<Refresh> {
    const added = await this.store.add(tx, newId());
    if (added) {
      this.outbox.add(tx, refreshDatasets, { refreshId: added.id });
      return added;
    }
    // It may have begun in between, and the next look then finds none that waits.
    return (await this.store.waiting(tx)) ?? this.orderIn(tx);
  }

  private async keepLooking(): Promise<void> {
    for (;;) {
      // Not at once: a process that starts has other things to do.
      await pause(LOOK_MS, this.closing.signal);
      if (this.closing.signal.aborted) return;
      await this.look().catch((err: unknown) => this.log.warn({ err }, 'it was not looked at how old the exports are'));
    }
  }

  private look(): Promise<void> {
    return this.transactions.run(async (tx) => {
      if (!(await this.store.isDue(tx, this.config.ANALYTICS_REFRESH_MINUTES))) return;
      await this.orderIn(tx);
      await this.store.forget();
    });
  }
}
