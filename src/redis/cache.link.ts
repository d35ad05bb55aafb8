/** One connection to the Redis of caches, whichever package speaks over it. */
export interface Link {
  /** Texts in the answer come as bytes. */
  send(words: readonly (string | Buffer)[]): Promise<unknown>;
  close(): void;
}

/** Rejects where there is no server. `lost` may be told more than once, and before anything more is sent. */
export type OpenLink = (url: string, lost: () => void) => Promise<Link>;

export const CONNECT_MS = 1_000;
export const KEEP_ALIVE_MS = 10_000;
export const CLIENT_NAME = 'mutirao-cache';
