import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../../config/config.module.js';
import type { Config } from '../../../config/config.js';
import type { Tx } from '../../../database/transactions.js';
import { Refusal } from '../../../kernel/problems.js';
import { JobsStore, type JobView, type NewJob, type Usual } from '../jobs.store.js';
import { Foresight } from './foresight.js';

const LEARNED_MS = 5_000;
const PAUSED_SECONDS = 60;

/** All places in the line are taken, or all that one person may have. */
export type Obstacle = 'overloaded' | 'too_many_waiting';

export interface Told {
  /** How many come before it. */
  position: number | null;
  /** By then nine of ten like it have ended; nobody knows while the queue stands still. */
  etaSeconds: number | null;
}

/** How long recordings will take, by how long others took, and whether one more may wait. */
@Injectable()
export class Promises {
  private learnedAt = -Infinity;
  private foresight: Promise<Foresight> | undefined;

  constructor(
    private readonly store: JobsStore,
    @Inject(CONFIG) private readonly config: Pick<Config, 'AUDIO_MAX_WAITING' | 'AUDIO_MAX_WAITING_EACH'>,
  ) {}

  /** Why one more of this person's may not wait, if so; in a transaction it holds until that ends. */
  async obstacle(ownerId: string, tx?: Tx): Promise<Obstacle | undefined> {
    const { all, own } = await this.store.waiting(ownerId, tx);
    if (own >= this.config.AUDIO_MAX_WAITING_EACH) return 'too_many_waiting';
    return all >= this.config.AUDIO_MAX_WAITING ? 'overloaded' : undefined;
  }

  async refusal(obstacle: Obstacle, ownerId: string): Promise<Refusal> {
    const isOwn = obstacle === 'too_many_waiting';
    const words = isOwn ? `At most ${this.config.AUDIO_MAX_WAITING_EACH} recordings of yours may wait.` : 'As many recordings wait as may.';
    const seconds = await this.secondsToNext(isOwn ? await this.store.beforeFirstOf(ownerId) : 0);
    return new Refusal(obstacle, words, undefined, { 'retry-after': String(seconds) });
  }

  /** Writes down what is foreseen for one that has just come. What that is learned from was read before: here a connection is held. */
  async make(
    tx: Tx,
    { id, priority, aboutSeconds }: Pick<NewJob, 'id' | 'priority' | 'aboutSeconds'>,
    foresight: Foresight,
  ): Promise<Told> {
    const place = await this.store.placeOf(id, tx);
    if (!place) return { position: null, etaSeconds: null };
    if (place.isPaused) return { position: place.waiting, etaSeconds: null };
    const expectedMs = foresight.expectedMs(aboutSeconds, place);
    const promisedMs = foresight.promisedMs(expectedMs, priority);
    await this.store.promise(tx, id, expectedMs, promisedMs);
    return { position: place.waiting, etaSeconds: seconds(promisedMs) };
  }

  /** What is foreseen now. */
  async of({ id, state, priority, aboutSeconds, progress }: JobView): Promise<Told> {
    if (state === 'running') {
      const foresight = await this.learned();
      return { position: null, etaSeconds: seconds(foresight.promisedMs(foresight.workMs(aboutSeconds) * (1 - progress), priority)) };
    }
    const place = state === 'queued' ? await this.store.placeOf(id) : undefined;
    if (!place) return { position: null, etaSeconds: null };
    const foresight = await this.learned();
    const promisedMs = foresight.promisedMs(foresight.expectedMs(aboutSeconds, place), priority);
    return { position: place.waiting, etaSeconds: place.isPaused ? null : seconds(promisedMs) };
  }

  /** How long each takes, at the pace of all workers together. */
  async secondsEach({ seconds: each, slots }: Usual): Promise<number> {
    return (await this.learned()).workMs(each) / slots / 1_000;
  }

  /** Until the line moves by one more than so many. */
  private async secondsToNext(others: number): Promise<number> {
    if (await this.store.isPaused()) return PAUSED_SECONDS;
    return Math.max(1, Math.ceil((others + 1) * (await this.secondsEach(await this.store.usual()))));
  }

  /** Learned anew now and then: how long work takes does not change by the moment. */
  learned(): Promise<Foresight> {
    if (this.foresight && performance.now() < this.learnedAt + LEARNED_MS) return this.foresight;
    this.learnedAt = performance.now();
    this.foresight = this.store.past().then((past) => new Foresight(past));
    // What could not be read is read by whoever asks next.
    this.foresight.catch(() => (this.foresight = undefined));
    return this.foresight;
  }
}

const seconds = (ms: number): number => Math.round(ms / 10) / 100;
