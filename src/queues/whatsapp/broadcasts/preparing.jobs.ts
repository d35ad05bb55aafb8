import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../../config/config.module.js';
import type { Config } from '../../../config/config.js';
import { Transactions, type Tx } from '../../../database/transactions.js';
import { newId } from '../../../kernel/ids.js';
import { HandlesJob, type JobRun } from '../../../outbox/handlers.js';
import { prepareBroadcast } from './broadcasts.queue.js';
import { PreparingStore } from './preparing.store.js';
import { templateFor } from './wording.js';

const AT_ONCE = 500;

/** Writes the messages of a broadcast, a part in each transaction, so that it goes on where it ended. */
@Injectable()
export class Preparations {
  constructor(
    private readonly store: PreparingStore,
    private readonly transactions: Transactions,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @HandlesJob(prepareBroadcast)
  async prepare({ broadcastId }: { broadcastId: string }, run: JobRun): Promise<void> {
    while (!run.signal.aborted) if (!(await this.transactions.run((tx) => this.part(tx, broadcastId)))) return;
  }

  /** Whether there is more. */
  private async part(tx: Tx, id: string): Promise<boolean> {
    const broadcast = await this.store.hold(tx, id);
    if (!broadcast || broadcast.state === 'cancelled') return false;
    const { template, recipients, prepared } = broadcast;
    const places = Math.min(AT_ONCE, recipients - prepared);
    const people = await this.store.next(tx, id, prepared, places);
    const made = people.map(({ phone, personId, name }) => ({ id: newId(), phone, personId, template: templateFor(template, name) }));
    if (made.length > 0) await this.store.make(tx, id, made, this.config.WHATSAPP_RATE_PER_SECOND);
    // Some of these places may be empty: their people have gone meanwhile.
    await this.store.advance(tx, id, places, this.config.WHATSAPP_RATE_PER_SECOND);
    const more = prepared + places < recipients;
    if (!more) await this.store.ready(tx, id);
    return more;
  }
}
