import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { pause } from '../../kernel/waiting.js';
import { JobsStore, type JobEvent } from './jobs.store.js';
import { hasEnded } from './states.js';

const LOOK_EVERY_MS = 400;

interface Reader {
  id: string;
  seq: number;
  tell: (events: JobEvent[]) => void;
}

/** Tells whoever listens what becomes of his recordings: one look at the database for all listeners of this process. */
@Injectable()
export class Watch implements BeforeApplicationShutdown {
  private readonly readers = new Set<Reader>();
  private readonly closing = new AbortController();
  private looking: Promise<void> | undefined;

  constructor(private readonly store: JobsStore) {}

  beforeApplicationShutdown(): void {
    this.closing.abort();
    for (const { tell } of this.readers) tell([]);
  }

  /** All that happened after that number, and whatever happens from now on, until it has ended or is gone. */
  async *follow(id: string, after: number, gone: AbortSignal): AsyncGenerator<JobEvent, void, void> {
    const heard: JobEvent[] = [];
    let wake: () => void = () => undefined;
    const tell = (events: JobEvent[]) => {
      heard.push(...events);
      wake();
    };
    const reader: Reader = { id, seq: after, tell };
    const leave = () => wake();
    gone.addEventListener('abort', leave);
    this.readers.add(reader);
    try {
      this.look();
      while (!gone.aborted && !this.closing.signal.aborted) {
        const event = heard.shift();
        if (event) yield event;
        if (event && hasEnded(event.status)) return;
        if (heard.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.readers.delete(reader);
      gone.removeEventListener('abort', leave);
    }
  }

  look(): void {
    this.looking ??= this.keepLooking().finally(() => (this.looking = undefined));
  }

  private async keepLooking(): Promise<void> {
    while (this.readers.size > 0 && !this.closing.signal.aborted) {
      // A database that is away is told elsewhere; whoever listens goes on when it is back.
      await this.lookOnce().catch(() => undefined);
      await pause(LOOK_EVERY_MS, this.closing.signal);
    }
  }

  private async lookOnce(): Promise<void> {
    const from = new Map<string, number>();
    for (const { id, seq } of this.readers) from.set(id, Math.min(seq, from.get(id) ?? Infinity));
    const events = await this.store.events(from);
    const left = events.length < from.size ? await this.store.known([...from.keys()]) : undefined;
    for (const reader of [...this.readers]) {
      const own = events.filter(({ jobId, seq }) => jobId === reader.id && seq > reader.seq);
      reader.seq = own.at(-1)?.seq ?? reader.seq;
      if (own.length > 0) reader.tell(own);
      else if (left && !left.has(reader.id))
        reader.tell([{ jobId: reader.id, seq: reader.seq, status: 'cancelled', progress: 0, at: new Date() }]);
    }
  }
}
