import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { CONFIG } from '../../../config/config.module.js';
import type { Config } from '../../../config/config.js';
import { newId } from '../../../kernel/ids.js';
import { pause, within } from '../../../kernel/waiting.js';
import type { Log } from '../../../observability/log.js';
import { LOG } from '../../../observability/observability.module.js';
import { Engine, type Outcome } from '../engine/engine.service.js';
import { isFull } from '../engine/words.js';
import { AudioStorage } from '../storage.js';
import { enginesAtOnce } from './machine.js';
import { Transcripts } from './transcripts.service.js';
import { WorkStore, type Taken } from './work.store.js';

const LOOK_EVERY_MS = 200;
const RENEW_EVERY_MS = 3_000;
const TELL_EVERY_MS = 1_000;
/** Recordings of which somebody is asked what was said, beside those that are worked on. */
const MOST_HEARD = 8;
const FINISH_MS = 4_000;
const NOTE_AGAIN_MS = 1_000;
const MOST_NOTES = 20;

const advices = {
  not_audio: 'Send a recording: WAV, MP3, Ogg, M4A, FLAC or WebM.',
  damaged: 'It may be cut off or damaged. Send it again, or record it anew.',
  too_long: 'Send a shorter one.',
  too_large: 'Send it with fewer channels, or fewer samples in a second.',
  remote_reference: 'Send the recording itself, not a file that leads to it.',
} as const;

/** Takes recordings from the line, as many at once as this machine can carry, and has the engine work on them. */
@Injectable()
export class AudioWorker implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly id = newId();
  private readonly closing = new AbortController();
  private readonly under = new Map<string, { job: Taken; over: AbortController; engine: boolean; done: Promise<void> }>();
  private readonly usual: number;
  private atOnce: number;
  private looking: Promise<void> = Promise.resolve();
  private renewedAt = -Infinity;
  private failing = false;

  constructor(
    private readonly work: WorkStore,
    private readonly storage: AudioStorage,
    private readonly engine: Engine,
    private readonly transcripts: Transcripts,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {
    this.usual = config.AUDIO_CONCURRENCY === 'auto' ? enginesAtOnce() : config.AUDIO_CONCURRENCY;
    this.atOnce = this.usual;
  }

  onApplicationBootstrap(): void {
    this.looking = this.keepLooking();
  }

  /** Takes nothing more; what runs is given back, as it may take long, and begun anew elsewhere. */
  async beforeApplicationShutdown(): Promise<void> {
    this.closing.abort();
    await this.looking;
    for (const { over } of this.under.values()) over.abort();
    const all = [...this.under.values()].map(({ done }) => done);
    await within(FINISH_MS, 'audio', Promise.all(all)).catch(() => undefined);
    await this.work.leave(this.id).catch(() => undefined);
  }

  onApplicationShutdown(): Promise<void> {
    return this.work.close();
  }

  private async keepLooking(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      try {
        await this.look();
        this.failing = false;
      } catch (err) {
        // Said once: a database that is away is told elsewhere, every second.
        if (!this.failing) this.log.warn({ err }, 'audio waits');
        this.failing = true;
      }
      await pause(LOOK_EVERY_MS, signal);
    }
  }

  private async look(): Promise<void> {
    const tickets = [...this.under.values()].map(({ job }) => job);
    const { due, stale, atOnce, gone } = await this.work.look(tickets);
    for (const id of gone) this.under.get(id)?.over.abort();
    const changed = this.atOnce !== (atOnce ?? this.usual);
    this.atOnce = atOnce ?? this.usual;
    if (changed || performance.now() > this.renewedAt + RENEW_EVERY_MS) {
      this.renewedAt = performance.now();
      await this.work.renew(this.id, this.atOnce, tickets);
    }
    if (stale) {
      const lost = await this.work.freshen();
      if (lost.length > 0) this.log.warn({ audioJobs: lost }, 'workers went away with recordings; they are taken up again');
      for (const { id, state } of lost) if (state === 'failed') await this.storage.clear(id);
    }
    const engines = [...this.under.values()].filter(({ engine }) => engine).length;
    const room = Math.min(this.atOnce - engines, this.atOnce + MOST_HEARD - this.under.size);
    if (!(due || stale) || room <= 0) return;
    for (const job of await this.work.take(room)) this.begin(job);
  }

  private begin(job: Taken): void {
    const over = new AbortController();
    const entry = { job, over, engine: true, done: Promise.resolve() };
    this.under.set(job.id, entry);
    entry.done = this.carry(job, over, () => (entry.engine = false))
      .catch((err: unknown) => this.log.warn({ err, audioJobId: job.id }, 'a recording was let go; others take it up'))
      .finally(() => this.under.delete(job.id));
  }

  private async carry(job: Taken, over: AbortController, release: () => void): Promise<void> {
    let { measures } = job;
    if (!measures) {
      const began = performance.now();
      const outcome = await this.made(job, over.signal);
      if (outcome.kind !== 'done') return this.ended(job, outcome);
      ({ measures } = outcome);
      const workedMs = performance.now() - began;
      if (!(await this.insist(() => this.work.measured(job, outcome.measures, workedMs)))) return this.clean(job);
    }
    // Who waits for what was said needs no core.
    release();
    await this.transcripts.write(job, measures.durationSeconds, over);
    if (over.signal.aborted && this.closing.signal.aborted) return this.insist(() => this.work.giveBack(job));
    if (!(await this.insist(() => this.work.end(job, { state: 'completed' })))) await this.clean(job);
  }

  private async made(job: Taken, over: AbortSignal): Promise<Outcome | { kind: 'missing' }> {
    const { id, handovers, kind, aboutSeconds } = job;
    try {
      const { original, folder } = await this.storage.bench(id, handovers);
      const mostSeconds = this.config.AUDIO_MAX_MINUTES * 60;
      const outcome = await this.engine.run({ original, folder, kind, mostSeconds, aboutSeconds }, over, this.teller(job));
      if (outcome.kind === 'done') await this.storage.keep(id, handovers);
      else await this.storage.clear(id, handovers);
      return outcome;
    } catch (fault) {
      if (isFull(fault)) return { kind: 'full' };
      if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return over.aborted ? { kind: 'stopped' } : { kind: 'missing' };
      throw fault;
    }
  }

  private async ended(job: Taken, outcome: Exclude<Awaited<ReturnType<AudioWorker['made']>>, { kind: 'done' }>): Promise<void> {
    switch (outcome.kind) {
      case 'failed':
        await this.insist(() =>
          this.work.end(job, { state: 'failed', why: outcome.fault, advice: `${outcome.words} ${advices[outcome.fault]}` }),
        );
        return;
      case 'missing':
        await this.insist(() => this.work.end(job, { state: 'failed', why: 'file_missing', advice: 'Its file is gone. Send it again.' }));
        return;
      case 'full':
        return this.insist(() => this.work.wait(job));
      case 'absent':
        this.log.error(
          { words: outcome.words },
          'the audio engine does not start, and recordings wait: npm run doctor says what is missing',
        );
        return this.insist(() => this.work.putOff(job));
      case 'stopped':
        if (this.closing.signal.aborted) await this.insist(() => this.work.giveBack(job));
        else await this.clean(job);
        return;
      case 'crashed': {
        const state = await this.insist(() => this.work.crashed(job));
        this.log.warn({ audioJobId: job.id, words: outcome.words, state }, 'the engine fell over a recording');
      }
    }
  }

  /** Somebody ended it meanwhile; what was made of it since belongs to nobody. */
  private async clean({ id, handovers }: Taken): Promise<void> {
    await this.storage.clear(id, handovers);
    if (!(await this.work.isKept(id))) await this.storage.remove(id);
  }

  private teller(job: Taken): (share: number) => void {
    let toldAt = performance.now();
    return (share) => {
      if (performance.now() < toldAt + TELL_EVERY_MS) return;
      toldAt = performance.now();
      this.work.progress(job, share).catch(() => undefined);
    };
  }

  /** What became of it is known here alone, until the lease is over. */
  private async insist<T>(note: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1)
      try {
        return await note();
      } catch (err) {
        if (tries === MOST_NOTES || this.closing.signal.aborted) throw err;
        await pause(NOTE_AGAIN_MS, this.closing.signal);
      }
  }
}
