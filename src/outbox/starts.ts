import { OutboxStore, type StartedRow, type Ticket } from './outbox.store.js';

interface Asked {
  ticket: Ticket;
  resolve: (row: StartedRow | undefined) => void;
  reject: (error: unknown) => void;
}

/** Jobs that come in together are begun by one statement. */
export class Starts {
  private asked: Asked[] = [];

  constructor(private readonly store: OutboxStore) {}

  begin(ticket: Ticket): Promise<StartedRow | undefined> {
    return new Promise((resolve, reject) => {
      this.asked.push({ ticket, resolve, reject });
      if (this.asked.length === 1) setImmediate(() => void this.flush());
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
