import { ask, type openCache, type Told } from './cache.js';
import { pause } from '../../src/kernel/waiting.js';

type System = Awaited<ReturnType<typeof openCache>>;

/** The promise. */
export const OLD_MS = 2_000;
const TICK_MS = 20;

interface Edit {
  version: number;
  at: number;
}

/** Time in which this very process stood still says nothing about the system that it watches. */
export function stalls() {
  let last = performance.now();
  const seen: { from: number; to: number }[] = [];
  const timer = setInterval(() => {
    const now = performance.now();
    if (now - last > 2 * TICK_MS) seen.push({ from: last, to: now });
    last = now;
  }, TICK_MS);
  return {
    within: (from: number, to: number) =>
      seen.reduce((sum, stall) => sum + Math.max(0, Math.min(to, stall.to) - Math.max(from, stall.from)), 0),
    end: () => clearInterval(timer),
  };
}

/**
 * Writers and readers over all processes, until `during` is over. Tells every answer that showed less than
 * what had been committed, and acknowledged, before it was asked for and two seconds before it came.
 */
export async function watch(system: System, notes: readonly string[], during: () => Promise<void>) {
  const edits = new Map<string, Edit[]>(notes.map((id) => [id, []]));
  const stood = stalls();
  const stale: string[] = [];
  let over = false;
  let reads = 0;
  let hits = 0;
  let oldest = 0;
  const failures: string[] = [];
  const anyUrl = () => system.urls()[Math.floor(Math.random() * system.urls().length)]!;
  const failed = (what: string, fault: unknown) => failures.push(`${what}: ${fault instanceof Error ? fault.message : String(fault)}`);

  const write = async (id: string) => {
    while (!over) {
      try {
        const version = await system.edit(id, anyUrl());
        edits.get(id)!.push({ version, at: performance.now() });
      } catch (fault) {
        failed('edit', fault);
      }
      await pause(50 + Math.random() * 400);
    }
  };

  const judge = (id: string, asked: number, url: string, told: Told) => {
    if (told.status !== 200) return void failed('read', told.status);
    reads += 1;
    if (told.cache.includes('; hit;')) hits += 1;
    const version = told.json.version as number;
    // What is not shown though it was acknowledged before the question was put.
    const missing = edits.get(id)!.find((edit) => edit.version > version && edit.at < asked);
    if (!missing) return;
    const now = performance.now();
    const age = now - missing.at - stood.within(missing.at, now);
    oldest = Math.max(oldest, age);
    if (age > OLD_MS) stale.push(`${id} at ${url}: version ${version}, ${Math.round(age)} ms after ${missing.version}; ${told.cache}`);
  };

  const read = async (id: string) => {
    while (!over) {
      const [asked, url] = [performance.now(), anyUrl()];
      try {
        judge(id, asked, url, await ask(`${url}/notes/${id}`));
      } catch (fault) {
        failed('read', fault);
      }
      await pause(Math.random() * 20);
    }
  };

  for (const id of notes) edits.get(id)!.push({ version: await system.edit(id), at: performance.now() });
  const all = [...notes.map(write), ...notes.flatMap((id) => [read(id), read(id), read(id)])];
  try {
    await during();
  } finally {
    over = true;
    await Promise.all(all);
    stood.end();
  }
  return { stale, reads, hits, oldest, failures, edits: [...edits.values()].flat().length };
}
