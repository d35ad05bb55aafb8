import { Injectable } from '@nestjs/common';
import type { BroadcastState } from './broadcasts.store.js';
import { WaitingStore } from './waiting.store.js';

/** Nobody is kept waiting for longer: whoever watches does the rest. */
const MOST_MS = 1_000;

@Injectable()
export class Waiting {
  constructor(private readonly store: WaitingStore) {}

  /** After its state was changed, which alone already stops what shall not be sent. */
  async follow(id: string, state: BroadcastState): Promise<void> {
    const until = performance.now() + MOST_MS;
    while (performance.now() < until) if ((await this.store.follow(id, state)) === 0) return;
  }
}
