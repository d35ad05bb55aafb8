import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Transactions, type Tx } from '../database/transactions.js';
import { Refusal } from '../kernel/problems.js';
import { Queues } from '../outbox/queues.service.js';
import { Audit, type AuditAction } from '../users/audit.service.js';
import { queueOf, type QueueView } from './queues.dto.js';
import { AUDIO } from './audio/audio.queue.js';
import { LineStore } from './audio/line/line.store.js';
import { LineFigures } from './whatsapp/line.figures.js';
import { WHATSAPP } from './whatsapp/whatsapp.queue.js';

export { queueShape } from './queues.dto.js';

/** What admins see of the queues and do to them; each act that changes anything is noted. */
@Injectable()
export class QueuesDesk implements OnModuleInit {
  constructor(
    private readonly queues: Queues,
    private readonly messages: LineFigures,
    private readonly recordings: LineStore,
    private readonly transactions: Transactions,
    private readonly audit: Audit,
  ) {}

  onModuleInit(): void {
    this.queues.join(WHATSAPP, this.messages);
    this.queues.join(AUDIO, this.recordings);
  }

  async list(): Promise<QueueView[]> {
    const [figures, lately] = await Promise.all([this.queues.figures({ exact: true }), this.queues.lately()]);
    return figures.map((one) => queueOf(one, lately.get(one.queue)));
  }

  pause(actorId: string, name: string): Promise<QueueView> {
    return this.act(actorId, name, 'queue_paused', (tx) => this.queues.pause(name, tx));
  }

  resume(actorId: string, name: string): Promise<QueueView> {
    return this.act(actorId, name, 'queue_resumed', (tx) => this.queues.resume(name, tx));
  }

  async retry(actorId: string, name: string): Promise<QueueView & { retried: number }> {
    const retried = await this.transactions.run(async (tx) => {
      const count = await this.queues.retry(name, tx);
      if (count > 0) await this.audit.note(tx, 'queue_retried', { actorId }, { queue: name, retried: count });
      return count;
    });
    return { ...(await this.one(name)), retried };
  }

  private async act(actorId: string, name: string, action: AuditAction, act: (tx: Tx) => Promise<boolean>): Promise<QueueView> {
    await this.transactions.run(async (tx) => {
      if (await act(tx)) await this.audit.note(tx, action, { actorId }, { queue: name });
    });
    return this.one(name);
  }

  private async one(name: string): Promise<QueueView> {
    const found = (await this.list()).find((queue) => queue.name === name);
    // Of a version that is no more, and its last row is gone.
    if (!found) throw new Refusal('not_found', `There is no queue named ${name}.`);
    return found;
  }
}
