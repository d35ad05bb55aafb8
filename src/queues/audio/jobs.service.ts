import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { afterCommit, Transactions } from '../../database/transactions.js';
import { callerOf, type Caller } from '../../http/caller.js';
import type { Part } from '../../http/ranges.js';
import { newId } from '../../kernel/ids.js';
import { Refusal } from '../../kernel/problems.js';
import { Outbox } from '../../outbox/outbox.service.js';
import { removeRecordings } from './audio.queue.js';
import { Intake } from './intake/intake.service.js';
import { JobsStore, type JobView } from './jobs.store.js';
import { Promises } from './line/promises.service.js';
import { hasEnded } from './states.js';
import { AudioStorage, type Piece } from './storage.js';
import { Watch } from './watch.service.js';

@Injectable()
export class AudioJobs {
  constructor(
    private readonly store: JobsStore,
    private readonly intake: Intake,
    private readonly promises: Promises,
    private readonly storage: AudioStorage,
    private readonly transactions: Transactions,
    private readonly outbox: Outbox,
    private readonly watch: Watch,
  ) {}

  async take(request: FastifyRequest) {
    const caller = callerOf(request);
    const obstacle = await this.promises.obstacle(caller.id);
    if (obstacle) throw await this.promises.refusal(obstacle, caller.id);
    const id = newId();
    const upload = await this.intake.receive(id, caller.id, request);
    try {
      if (upload.priority === 'high' && caller.role === 'donor')
        throw new Refusal('forbidden', 'Only organizers and admins may ask for high priority.');
      const foresight = await this.promises.learned();
      const told = await this.transactions.run(async (tx) => {
        const late = await this.promises.obstacle(caller.id, tx);
        if (late) return late;
        await this.store.add(tx, { id, ownerId: caller.id, ...upload });
        return this.promises.make(tx, { id, ...upload }, foresight);
      });
      if (typeof told === 'string') throw await this.promises.refusal(told, caller.id);
      return { id, status: 'queued' as const, ...told };
    } catch (fault) {
      await this.storage.remove(id);
      throw fault;
    }
  }

  /** Another's is not there. */
  async ownedBy({ id: ownerId }: Caller, id: string): Promise<JobView> {
    const job = await this.store.find(id);
    if (job?.ownerId !== ownerId) throw new Refusal('not_found', 'You have no such recording.');
    return job;
  }

  /** What has not ended is cancelled, also while it is worked on; what has goes. */
  async end(caller: Caller, id: string): Promise<void> {
    const { state } = await this.ownedBy(caller, id);
    await this.transactions.run(async (tx) => {
      if (!hasEnded(state) && (await this.store.cancel(tx, id))) afterCommit(tx, () => this.watch.look());
      else await this.store.remove(tx, id);
      this.outbox.add(tx, removeRecordings, { ids: [id] });
    });
  }

  async piece(caller: Caller, id: string, piece: Exclude<Piece, 'original'>, choose?: (bytes: number) => Part | undefined) {
    const { state } = await this.ownedBy(caller, id);
    const found = state === 'completed' ? await this.storage.read(id, piece, choose) : undefined;
    if (!found) throw new Refusal('not_found', hasEnded(state) ? `This recording has none: it is ${state}.` : 'It is not made yet.');
    return found;
  }
}
