import type { OutboxStore, StartedRow, Ticket } from './outbox.store.js';

interface Asked {
  ticket: Ticket;
  resolve: (row: StartedRow | undefined) => void;
  reject: (error: unknown) => void;
}

const BEGIN_MS = 3;
const CLEAR_MS = 20;

/** Jobs that come in together are begun by one statement. */
export class Starts {
  private asked: Asked[] = [];

  constructor(private readonly store: OutboxStore) {}

  begin(ticket: Ticket): Promise<StartedRow | undefined> {
    return new Promise((resolve, reject) => {
      this.asked.push({ ticket, resolve, reject });
      if (this.asked.length === 1) setTimeout(() => void this.flush(), BEGIN_MS);
    });
  }

  private async flush(): Promise<void> {
    const asked = this.asked;
    this.asked = [];
    try {
      const rows = await this.store.start(asked.map(({ ticket }) => ticket));
      const found = new Map(rows.map((row) => [row.id, row]));
      for (const { ticket, resolve } of asked) {
        resolve(found.get(ticket.id));
        // The same ticket twice in one batch is one start.
        found.delete(ticket.id);
      }
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}

/** Rows whose effect is committed leave the table some at a time. */
export class Ends {
  private ids: string[] = [];
  private flushing: Promise<void> | undefined;

  constructor(private readonly store: OutboxStore) {}

  add(id: string): void {
    this.ids.push(id);
    this.flushing ??= new Promise((resolve) => setTimeout(() => resolve(this.flush()), CLEAR_MS));
  }

  /** Resolves when nothing waits any more. */
  settled(): Promise<void> {
    return this.flushing ?? Promise.resolve();
  }

  private async flush(): Promise<void> {
    const ids = this.ids;
    this.ids = [];
    // What is missed here the sweep takes out: its effect has its guard.
    await this.store.clear(ids).catch(() => undefined);
    this.flushing = undefined;
    if (this.ids.length > 0) this.flushing = this.flush();
    await this.flushing;
  }
}
