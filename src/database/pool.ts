import type { Pool } from 'pg';
import type { DataSource } from 'typeorm';

const poolOf = (db: DataSource): Pool => (db.driver as unknown as { master: Pool }).master;

export function poolFigures(db: DataSource): { open: number; idle: number; waiting: number; most: number } {
  const pool = poolOf(db);
  return { open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount, most: mostOf(db) };
}

const mostOf = (db: DataSource): number => (db.options as { extra: { max: number } }).extra.max;

/** So many questions at once a process gets the most answers for; each connection more is memory of the server, and plans made anew. */
const WORKING = 10;
const LOOK_EVERY_MS = 50;
/** Whoever holds a connection for longer waits for something else than its turn: a lock, a slow statement, a caller. */
const STANDS_STILL_MS = 1_000;

/** Opens more connections than can work at once only beside those that stand still, so that they keep nobody else waiting. */
export function widen(db: DataSource): NodeJS.Timeout {
  const pool = poolOf(db);
  const most = mostOf(db);
  const working = Math.min(most, Math.max(WORKING, pool.options.min ?? 0));
  const heldSince = new Map<unknown, number>();
  pool.on('acquire', (client) => heldSince.set(client, performance.now()));
  pool.on('release', (_fault, client) => heldSince.delete(client));
  pool.on('remove', (client) => heldSince.delete(client));
  pool.options.max = working;
  return setInterval(() => {
    const before = performance.now() - STANDS_STILL_MS;
    const still = [...heldSince.values()].filter((since) => since < before).length;
    const room = Math.min(most, working + still) - pool.options.max;
    pool.options.max += room;
    // Those that wait already are served by what comes back to the pool.
    for (let one = 0; one < Math.min(room, pool.waitingCount); one += 1)
      void pool.connect().then(
        (client) => client.release(),
        () => undefined,
      );
  }, LOOK_EVERY_MS).unref();
}

/** The pool keeps its least number of connections but opens none by itself; this does, so that the first burst finds them. */
export async function openLeast(db: DataSource): Promise<void> {
  const pool = poolOf(db);
  const clients = await Promise.allSettled(Array.from({ length: pool.options.min ?? 0 }, () => pool.connect()));
  for (const client of clients) {
    if (client.status === 'fulfilled') client.value.release();
  }
}
