import { setTimeout as pause } from 'node:timers/promises';
import { Connection } from './connection.js';

/** As many as these at once, each over a connection that is open already: how long the slowest twentieth waits. */
export async function crowd(address: string, connections: number, seconds: number) {
  const url = new URL(address);
  const all = await Promise.all(Array.from({ length: connections }, () => Connection.to(address)));
  const seen: number[] = [];
  let failed = 0;
  let over = false;
  const keepAsking = async (connection: Connection) => {
    while (!over) {
      const asked = performance.now();
      const { status } = await connection.ask('GET', url.pathname);
      if (status === 200) seen.push(performance.now() - asked);
      else failed += 1;
    }
  };
  const asking = all.map((connection) => keepAsking(connection).catch(() => (failed += 1)));
  await pause(seconds * 1_000);
  over = true;
  await Promise.all(asking);
  for (const connection of all) connection.close();
  const waits = Float64Array.from(seen).sort();
  return { p95: within(waits, 0.95), p99: within(waits, 0.99), perSecond: waits.length / seconds, failed };
}

/** Of sorted times, the one that this part of all is within. */
export const within = (sorted: Float64Array, part: number): number => sorted[Math.ceil(sorted.length * part) - 1] ?? Number.NaN;
