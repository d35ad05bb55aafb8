import { familyOf, sharedMb } from '../../load/figures.js';
import { within } from '../../load/crowd.js';
import { descriptorsOf } from './instance.js';
import type { Asked, Kind } from './journal.js';
import type { Site } from './site.js';

export interface Spared {
  asked: number;
  /** Whatever was not right. */
  failed: number;
  p95Ms: number;
  /** What they met instead, and how often. */
  met: string[];
}

/** What was answered, each with how often; without what differs from one to the other. */
export function tally(all: readonly Asked[]): string[] {
  const found = new Map<string, number>();
  for (const { kind, outcome } of all) {
    const what = `${kind} ${outcome?.why ?? 'without an end'}`.replace(/canary-\S+|[\da-f]{8}-[\da-f-]{27}/g, '…');
    found.set(what, (found.get(what) ?? 0) + 1);
  }
  return [...found].map(([what, times]) => `${times} × ${what}`);
}

/** How often each of the crowd asks. */
const PACE_MS = { live: 160, lists: 120, campaigns: 120, own: 300, gifts: 500, payments: 500, messages: 300, AI: 1_200 };

/** Who waits asks nothing meanwhile: what he would have asked at his pace would have waited, too. */
const waitsOf = ({ kind, outcome }: Asked): number[] =>
  Array.from({ length: 1 + Math.floor(outcome!.ms / PACE_MS[kind]) }, (_, n) => outcome!.ms - n * PACE_MS[kind]);

const isRight = ({ outcome }: Asked) => outcome?.verdict === 'right';
const counts = ({ outcome }: Asked) => outcome?.verdict !== 'left';

/** What those met who had nothing to do with it, from one moment to another. */
export function sparedOf(all: readonly Asked[], spares: readonly Kind[], from: number, to: number): Spared {
  const some = all.filter((one) => counts(one) && spares.includes(one.kind) && one.at >= from && one.at <= to);
  const times = Float64Array.from(some.filter(isRight).flatMap(waitsOf)).sort();
  const wrong = some.filter((one) => !isRight(one));
  const p95Ms = times.length > 0 ? Math.round(within(times, 0.95)) : 0;
  return { asked: some.length, failed: wrong.length, p95Ms, met: tally(wrong) };
}

/** Longest that anybody waited who asked between these moments, for an answer of any kind. */
export function longestMs(all: readonly Asked[], from: number, to: number): number {
  const some = all.filter((one) => counts(one) && one.at >= from && one.at <= to);
  return Math.round(some.reduce((most, { outcome }) => Math.max(most, outcome?.ms ?? Infinity), 0));
}

/** A question that waits for longer is none that is answered as ever. */
export const PATIENCE_MS = 2_000;

/** Whole seconds from this moment to the first from which on everything was answered as it should be. */
export function secondsToRecover(all: readonly Asked[], from: number): number {
  const isAsEver = (one: Asked) => isRight(one) && one.outcome!.ms <= PATIENCE_MS;
  const wrong = all.filter((one) => counts(one) && !isAsEver(one) && one.at >= from);
  return wrong.reduce((most, { at }) => Math.max(most, Math.floor((at - from) / 1_000) + 1), 0);
}

export interface Resources {
  descriptors: number;
  memoryMb: number;
  sessions: number;
}

const SESSIONS = `SELECT count(*)::int AS many FROM pg_stat_activity WHERE application_name LIKE 'mutirao%'`;

/** Of both instances and of nginx, while nobody asks anything. */
export async function resourcesOf({ instances, nginx, rows }: Site): Promise<Resources> {
  const pids = familyOf([nginx.pid, ...instances.map((instance) => instance.supervisor())]);
  const [sessions] = await rows<{ many: number }>(SESSIONS);
  return { descriptors: descriptorsOf(pids), memoryMb: Math.round(sharedMb(pids)), sessions: sessions!.many };
}

/** A tenth more than before may stay. */
const MORE = 1.1;

/** What has no figure is too much as well. */
export const excessOf = (now: Resources, before: Resources): string[] =>
  (['descriptors', 'memoryMb', 'sessions'] as const)
    .filter((what) => !(now[what] <= before[what] * MORE))
    .map((what) => `${what}: ${now[what]} after ${before[what]}`);
