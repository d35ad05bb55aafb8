import type { Pool } from 'pg';
import type { DataSource } from 'typeorm';

const poolOf = (db: DataSource): Pool => (db.driver as unknown as { master: Pool }).master;

export function poolFigures(db: DataSource): { open: number; idle: number; waiting: number; most: number } {
  const pool = poolOf(db);
  return { open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount, most: pool.options.max };
}

/** The pool keeps its least number of connections but opens none by itself; this does, so that the first burst finds them. */
export async function openLeast(db: DataSource): Promise<void> {
  const pool = poolOf(db);
  const clients = await Promise.allSettled(Array.from({ length: pool.options.min ?? 0 }, () => pool.connect()));
  for (const client of clients) {
    if (client.status === 'fulfilled') client.value.release();
  }
}
