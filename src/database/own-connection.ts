import type { Config } from '../config/config.js';
import { ImpatientClient } from './client.js';
import { behindPooler } from './options.js';

/**
 * For whoever looks again and again whether there is something to do: in the pool he would stand in line with those
 * who have something to do, and they with him. Taken when first asked, and anew after each fault.
 */
export class OwnConnection {
  private opened: Promise<ImpatientClient> | undefined;
  /** The same few questions again and again: the server plans each once. */
  private readonly names = new Map<string, string>();

  constructor(
    private readonly config: Config,
    private readonly name: string,
    private readonly mostMs: number,
  ) {}

  async ask<T extends object>(text: string, values?: unknown[]): Promise<T[]> {
    const opened = (this.opened ??= this.connect());
    try {
      return (await (await opened).query<T>({ name: this.nameOf(text), text, values })).rows;
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

  private nameOf(text: string): string | undefined {
    if (behindPooler(this.config)) return undefined;
    const name = this.names.get(text) ?? `own-${this.names.size}`;
    this.names.set(text, name);
    return name;
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
