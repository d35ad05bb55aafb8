import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Relay } from './relay.js';
import { Worker } from './worker.js';

const FINISH_MS = 5_000;

/** Begins after everything is wired; ends before connections close. */
@Injectable()
export class OutboxRunner implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private stopped: Promise<void> | undefined;

  constructor(
    private readonly relay: Relay,
    private readonly worker: Worker,
  ) {}

  onApplicationBootstrap(): void {
    this.worker.start();
    this.relay.start();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.stop();
  }

  /** Hands over and begins nothing more; waits for what runs. */
  stop(): Promise<void> {
    this.stopped ??= Promise.all([this.relay.stop(), this.worker.stop(FINISH_MS)]).then(() => undefined);
    return this.stopped;
  }
}
