import pg from 'pg';
import { kinds, type Asked, type Kind } from './journal.js';
import type { Crowd } from './crowd.js';
import type { Site } from './site.js';

export interface Ground {
  site: Site;
  crowd: Crowd;
  /** By chance, the same again for the same seed. */
  draw: () => number;
  /** Waits until everything is answered as ever; tells how many seconds after this moment it was. */
  calm: (since: number) => Promise<number>;
  /** All that was asked until now. */
  asked: () => readonly Asked[];
  /** It is good again from this moment on: what comes after only looks at what became of it. */
  well: () => void;
  /** What is to be told beside what is measured of each fault. */
  note: (what: string) => void;
}

export type Heal = () => Promise<unknown>;

export interface Fault {
  name: string;
  promise: string;
  /** Does it; what it gives back makes it good again. */
  inject: (ground: Ground) => Promise<Heal>;
  /** Between the two; 0: it is over as soon as it was done. */
  seconds: number;
  /** Whose routes have nothing to do with it. */
  spares: readonly Kind[];
  /** Most of their questions that may fail, and how long the slowest twentieth may wait. */
  errors: number;
  p95Ms: number;
  /** Longest that anybody may wait for his answer, whatever it is, from when it was done to when all is as ever. */
  mostMs: number;
  /** So many seconds after it is made good, everything is answered as ever. */
  backSeconds: number;
  /** With engines whose disk is small enough to be filled. */
  smallDisk?: true;
  /** Beside all other tests, too. */
  near?: true;
  /** May overlap with another of those. */
  mixes?: true;
  /** Whoever sends messages may be ended in the middle of one: nobody knows then whether it was sent, and it is told so. */
  endsSenders?: true;
}

export const everything: readonly Kind[] = kinds;
export const reading: readonly Kind[] = ['live', 'lists', 'campaigns', 'own'];
export const nothing: readonly Kind[] = [];

type Shared = 'errors' | 'p95Ms' | 'mostMs';
/** With the lines of the promise that nearly all share. */
export const fault = (one: Omit<Fault, Shared> & Partial<Pick<Fault, Shared>>): Fault => ({
  errors: 0.001,
  p95Ms: 500,
  mostMs: 10_000,
  ...one,
});

/** A session of somebody else. */
export async function connected(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

export const done: Heal = () => Promise.resolve();

/** By something that is done at once. */
export const healing =
  (work: () => void): Heal =>
  async () =>
    work();
