import { pause } from '../../../src/kernel/waiting.js';
import { chance } from '../../load/night/mix.js';
import { farOr } from '../../support/drills.js';
import { eventually } from '../../support/lab.js';
import { startCrowd } from './crowd.js';
import type { Fault } from './fault.js';
import { excessOf, longestMs, PATIENCE_MS, resourcesOf, secondsToRecover, sparedOf, type Resources, type Spared } from './figures.js';
import { openJournal } from './journal.js';
import { faultsIn, judge, nothingSeen, settled, type Verdict } from './judge.js';
import type { Site } from './site.js';

export interface Result {
  fault: Fault;
  verdict: Verdict;
  spared: Spared;
  recoveredAfterSeconds: number;
  longestMs: number;
  before: Resources;
  after: Resources;
  notes: string[];
  /** What must never be. */
  wrong: string[];
  /** Lines of its promise that were not met. */
  missed: string[];
}

/** So long everything is answered before anything is broken, and again before it counts as well. */
const CALM_MS = farOr(4_000, 2_500);
/** Beyond its promise, before it is given up. */
const LATE_MS = 60_000;
/** Connections of a pool that nobody uses end after 30 s, those that nginx keeps after 60. */
export const REST_MS = farOr(90_000, 0);

/** One fault from before it until all is as it was. */
export async function drill(site: Site, fault: Fault, before: Resources, seed: number): Promise<Result> {
  const journal = openJournal();
  const notes: string[] = [];
  const crowd = await startCrowd(site, journal, seed);
  const calmSince = (from: number, ms: number) =>
    eventually(
      async () => performance.now() - Math.max(from, journal.lastWrongAt(PATIENCE_MS)),
      (calm) => calm > CALM_MS,
      ms,
    );
  const calm = async (since: number) => {
    await calmSince(performance.now(), fault.backSeconds * 1_000 + LATE_MS);
    return Math.max(0, Math.ceil((journal.lastWrongAt(PATIENCE_MS) - since) / 1_000));
  };
  const moments = { injected: 0, healed: 0, over: 0 };
  const wrong: string[] = [];
  const noted = (what: string) => (fault: unknown) => void wrong.push(`${what}: ${fault instanceof Error ? fault.message : String(fault)}`);
  await calmSince(performance.now(), LATE_MS).catch(noted('it was not well before'));
  moments.injected = performance.now();
  let wellAt: number | undefined;
  const ground = {
    ...{ site, crowd, draw: chance(seed), calm, asked: () => journal.read(), note: (what: string) => notes.push(what) },
    well: () => void (wellAt ??= performance.now()),
  };
  const heal = await fault.inject(ground).catch(noted('it could not be done'));
  await pause(fault.seconds * 1_000);
  await heal?.().catch(noted('it did not end well'));
  moments.healed = fault.seconds === 0 ? moments.injected : (wellAt ?? performance.now());
  await calmSince(moments.healed, fault.backSeconds * 1_000 + LATE_MS).catch(noted('it did not recover'));
  moments.over = performance.now();
  const ready = () => Promise.all(site.instances.map((instance) => instance.isWhole()));
  await eventually(ready, (all) => !all.includes(false), LATE_MS).catch(noted('an instance did not come back'));
  await crowd.stop();
  const asked = journal.read();
  journal.close();
  const verdict = await judge(site, asked).catch((fault: unknown) => {
    noted('it could not be judged')(fault);
    return nothingSeen();
  });
  const rest = () => resourcesOf(site);
  const after = await settled(rest, (now) => excessOf(now, before).length === 0, REST_MS);
  const seconds = secondsToRecover(asked, moments.healed);
  const spared = sparedOf(asked, fault.spares, moments.injected, moments.over);
  const longest = longestMs(asked, moments.injected, moments.over);
  return {
    ...{ fault, verdict, spared, before, after, notes, longestMs: longest },
    recoveredAfterSeconds: seconds,
    wrong: [...faultsIn(verdict), ...wrong],
    missed: missedOf(fault, verdict, spared, seconds, longest, excessOf(after, before)),
  };
}

function missedOf(fault: Fault, { unknown }: Verdict, spared: Spared, seconds: number, longest: number, excess: string[]): string[] {
  const { errors, p95Ms, backSeconds, mostMs } = fault;
  return [
    ...(unknown > 0 && !fault.endsSenders ? [`${unknown} messages are unknown, though nobody who sends was ended`] : []),
    ...(fault.spares.length > 0 && spared.asked === 0 ? ['nobody else asked anything'] : []),
    ...(spared.failed > spared.asked * errors ? [`${spared.failed} of ${spared.asked} others failed (${spared.met.join(', ')})`] : []),
    ...(spared.p95Ms > p95Ms ? [`P95 of others was ${spared.p95Ms} ms`] : []),
    ...(seconds > backSeconds ? [`all was answered again after ${seconds} s`] : []),
    ...(longest > mostMs ? [`somebody waited for ${longest} ms`] : []),
    ...excess,
  ];
}
