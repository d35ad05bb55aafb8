import type { Config } from '../config/config.js';
import { ImpatientClient } from './client.js';

/**
 * For whoever looks again and again whether there is something to do: in the pool he would stand in line with those
 * who have something to do, and they with him. Taken when first asked, and anew after each fault.
 */
export class OwnConnection {
  private opened: Promise<ImpatientClient> | undefined;

  constructor(
    private readonly config: Pick<Config, 'DATABASE_URL'>,
    private readonly name: string,
    private readonly mostMs: number,
  ) {}

  async ask<T extends object>(text: string, values?: unknown[]): Promise<T[]> {
    const opened = (this.opened ??= this.connect());
    try {
      return (await (await opened).query<T>(text, values)).rows;
    } catch (fault) {
      if (this.opened === opened) await this.end();
      throw fault;
    }
  }

  async end(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    await opened?.then((client) => client.end()).catch(() => undefined);
  }

  private async connect(): Promise<ImpatientClient> {
    const client = new ImpatientClient({
      connectionString: this.config.DATABASE_URL,
      application_name: `mutirao-${this.name}`,
      connectionTimeoutMillis: this.mostMs,
      query_timeout: this.mostMs,
      keepAlive: true,
    });
    await client.connect();
    return client;
  }
}
