import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { pause } from '../../../kernel/waiting.js';
import type { Log } from '../../../observability/log.js';
import { LOG } from '../../../observability/observability.module.js';
import { Waiting } from './waiting.service.js';
import { WaitingStore } from './waiting.store.js';

const LOOK_EVERY_MS = 1_000;

/** Sees when broadcasts have begun and ended. Every process that sends looks; whoever is first does it. */
@Injectable()
export class BroadcastWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly closing = new AbortController();
  private looking: Promise<void> = Promise.resolve();
  private failing = false;

  constructor(
    private readonly store: WaitingStore,
    private readonly waiting: Waiting,
    @Inject(LOG) private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.looking = this.keepLooking();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.closing.abort();
    await this.looking;
  }

  private async keepLooking(): Promise<void> {
    while (!this.closing.signal.aborted) {
      await this.look();
      await pause(LOOK_EVERY_MS * (0.75 + Math.random() / 2), this.closing.signal);
    }
  }

  private async look(): Promise<void> {
    try {
      await this.store.pauseHeld();
      for (const { id, state } of await this.store.astray()) await this.waiting.follow(id, state);
      await this.store.note();
      this.failing = false;
    } catch (err) {
      if (!this.failing) this.log.warn({ err }, 'broadcasts are not watched');
      this.failing = true;
    }
  }
}
