import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { directUrl } from '../database/options.js';
import { pause } from '../kernel/waiting.js';

const CHANNEL = 'outbox';
const DEBOUNCE_MS = 50;
const LISTEN_AGAIN_MS = 1_000;

/** Which part of the outbox this process is. */
export const CONSUMES = Symbol('consumes');

/**
 * Tells relays that there is work: directly within a process that has one, otherwise by a notification
 * that is sent outside of transactions and at most every 50 ms, as one inside serialises all commits.
 */
@Injectable()
export class OutboxWake implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly ears = new Set<() => void>();
  private readonly closing = new AbortController();
  private notifying: NodeJS.Timeout | undefined;

  constructor(
    private readonly db: DataSource,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CONSUMES) private readonly consumes: boolean,
  ) {}

  onRing(ear: () => void): void {
    this.ears.add(ear);
  }

  ring(): void {
    if (this.consumes) this.ringHere();
    else this.notifying ??= setTimeout(() => this.notify(), DEBOUNCE_MS);
  }

  onApplicationBootstrap(): void {
    if (this.consumes) void this.listen();
  }

  onApplicationShutdown(): void {
    this.closing.abort();
    clearTimeout(this.notifying);
  }

  private ringHere(): void {
    for (const ear of this.ears) ear();
  }

  private notify(): void {
    this.notifying = undefined;
    // A lost notification costs a quarter of a second: relays look by themselves, too.
    this.db.query(`NOTIFY ${CHANNEL}`).catch(() => undefined);
  }

  private async listen(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      const client = new pg.Client({ connectionString: directUrl(this.config), application_name: 'mutirao-listen', keepAlive: true });
      const over = new AbortController();
      const gone = new Promise<void>((resolve) => {
        client.on('error', () => resolve());
        client.on('end', () => resolve());
        signal.addEventListener('abort', () => resolve(), { signal: over.signal });
      });
      try {
        client.on('notification', () => this.ringHere());
        await client.connect();
        await client.query(`LISTEN ${CHANNEL}`);
        this.ringHere();
        await gone;
      } catch {
        // Tried again below; meanwhile relays look by themselves.
      }
      over.abort();
      await client.end().catch(() => undefined);
      await pause(LISTEN_AGAIN_MS, signal);
    }
  }
}
