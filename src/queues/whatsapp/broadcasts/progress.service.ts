import { Injectable } from '@nestjs/common';
import { Readiness } from '../../../http/readiness.js';
import { Refusal } from '../../../kernel/problems.js';
import { pause } from '../../../kernel/waiting.js';
import { BroadcastsStore, type BroadcastView } from './broadcasts.store.js';
import { Forecast } from './forecast.service.js';

const LOOK_EVERY_MS = 1_000;
const MOST_STREAMS = 5;
/** Then whoever still looks comes again, and proves anew who he is. */
const LONGEST_MS = 15 * 60_000;
const SOON = { 'retry-after': '5' };

/** How far a broadcast has come, told as it changes. */
@Injectable()
export class Progress {
  private readonly streams = new Map<string, number>();

  constructor(
    private readonly store: BroadcastsStore,
    private readonly forecast: Forecast,
    private readonly readiness: Readiness,
  ) {}

  /** What was told last under that id is not told again. */
  watch(userId: string, broadcast: BroadcastView, lastId: string | undefined, there: AbortSignal): AsyncGenerator<string, void, void> {
    const open = this.streams.get(userId) ?? 0;
    if (open >= MOST_STREAMS) throw new Refusal('too_many_streams', `At most ${MOST_STREAMS} at once are for one person.`, undefined, SOON);
    if (!there.aborted) {
      this.streams.set(userId, open + 1);
      there.addEventListener('abort', () => this.leave(userId), { once: true });
    }
    return this.events(broadcast, lastId, there);
  }

  private async *events(first: BroadcastView, lastId: string | undefined, there: AbortSignal): AsyncGenerator<string, void, void> {
    const until = performance.now() + LONGEST_MS;
    let told = lastId;
    for (let now: BroadcastView | undefined = first; now && !there.aborted; now = await this.store.find(first.id)) {
      const id = markOf(now);
      if (id !== told) yield eventOf('progress', id, { ...progressOf(now), endsAt: await this.forecast.endOf(now) });
      told = id;
      if (isOver(now)) yield eventOf(now.status, id, progressOf(now));
      if (isOver(now) || this.readiness.draining || performance.now() > until) return;
      await pause(LOOK_EVERY_MS, there);
    }
  }

  private leave(userId: string): void {
    const open = (this.streams.get(userId) ?? 1) - 1;
    if (open === 0) this.streams.delete(userId);
    else this.streams.set(userId, open);
  }
}

/** Of one that was cancelled, some may still be on their way. */
const isOver = ({ status, counts }: BroadcastView): boolean => status === 'done' || (status === 'cancelled' && counts.sending === 0);

const progressOf = ({ id, status, counts, startedAt, endedAt }: BroadcastView) => ({ id, status, counts, startedAt, endedAt });
const eventOf = (name: string, id: string, data: object): string => `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;

/** The same for what looks the same. */
const markOf = ({ status, counts }: BroadcastView): string => [status, ...Object.values<number>(counts)].join('-');
