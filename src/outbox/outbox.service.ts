import { Injectable } from '@nestjs/common';
import { afterCommit, type Tx } from '../database/transactions.js';
import { traceOf } from '../observability/trace.js';
import { newId } from '../kernel/ids.js';
import { handicapSeconds, type JobContract, type Priority } from './contracts.js';
import { OutboxStore } from './outbox.store.js';
import { OutboxWake } from './outbox.wake.js';

export interface When {
  priority?: Priority;
  runAt?: Date;
}

/** How features say what must follow: in the transaction of the change itself. */
@Injectable()
export class Outbox {
  constructor(
    private readonly store: OutboxStore,
    private readonly wake: OutboxWake,
  ) {}

  add<P>(tx: Tx, job: JobContract<P>, payload: P, { priority = 'normal', runAt }: When = {}): string {
    const id = newId();
    this.store.add(tx, {
      id,
      queue: job.queue.name,
      job: job.name,
      payload,
      runAt,
      handicapSeconds: handicapSeconds[priority],
      trace: traceOf(),
    });
    afterCommit(tx, () => this.wake.ring());
    return id;
  }
}
