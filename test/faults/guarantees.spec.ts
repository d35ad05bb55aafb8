import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { farOr } from '../support/drills.js';
import { mountSmallDisk, type SmallDisk } from '../support/small-disk.js';
import { toolOf } from '../support/tool-of.js';
import { strangersIn } from './harness/asking.js';
import { catalogue, isWhole } from './harness/catalogue.js';
import { startCrowd } from './harness/crowd.js';
import { guaranteesDocument, lineOf } from './harness/document.js';
import { drill, REST_MS, type Result } from './harness/drill.js';
import { excessOf, longestMs, resourcesOf, secondsToRecover, type Resources } from './harness/figures.js';
import { openJournal, type Asked, type Outcome } from './harness/journal.js';
import { faultsIn, judge, settled } from './harness/judge.js';
import { startSite, type Site } from './harness/site.js';

/** By chance only where there is time to look into what it finds. */
const SEED = Number(process.env.SEED ?? farOr(randomInt(1_000_000), 1));
if (!Number.isInteger(SEED)) throw new Error(`SEED=${process.env.SEED} is no whole number`);
/** Until the processes have become as large as their work makes them. */
const WARM_MS = farOr(30_000, 3_000);
/** Longest that a fault may take besides its own time: until it is over for sure, and everything left over has ended. */
const BESIDES_MS = 300_000;

/** For all that the engines keep while they start, and a few minutes beyond; the memory is taken as it is used. */
const SMALL_DISK_MB = 640;
/** Long enough to see that what is wrong stays so. */
const SHORT_MS = 500;

const faults = catalogue.filter(({ near }) => farOr(true, near === true));
const places = [
  { place: 'on disk', some: faults.filter(({ smallDisk }) => !smallDisk), diskOf: () => undefined },
  { place: 'where the disk is small', some: faults.filter(({ smallDisk }) => smallDisk), diskOf: () => mountSmallDisk(SMALL_DISK_MB) },
].filter(({ some }) => some.length > 0);
/** By name: one that is tried a second time counts as it was then. */
const results = new Map<string, Result>();

beforeAll(() => void process.stdout.write(`faults by SEED=${SEED}\n`));
afterAll(() => {
  // Only a run of all of them, each as long as it is promised, says how it is.
  if (farOr(isWhole, false) && results.size === catalogue.length)
    writeFileSync('docs/guarantees.md', guaranteesDocument([...results.values()]));
});

/** What instances and nginx said at last. */
const evidenceOf = ({ instances, nginx }: Site) =>
  [...instances.flatMap((instance) => instance.told()), nginx.log().slice(-2_000)].join('\n');

/** A payment that nobody told us of, a message that Meta has twice, a token that is kept back for nobody. */
async function doWrong({ bank, cloud, rows }: Site): Promise<void> {
  const [paid] = [...bank.charges.values()].filter(({ pix }) => pix);
  bank.charges.set('canary', paid!);
  await rows('UPDATE ai_days SET reserved = reserved + 1 WHERE user_id = (SELECT user_id FROM ai_days LIMIT 1)');
  const { body } = cloud.journal().find(({ reference, body }) => reference !== undefined && body.text)!;
  const { WHATSAPP_API_URL, WHATSAPP_PHONE_NUMBER_ID, WHATSAPP_ACCESS_TOKEN } = cloud.env;
  const answer = await fetch(`${WHATSAPP_API_URL}/${WHATSAPP_PHONE_NUMBER_ID}/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${WHATSAPP_ACCESS_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(200);
}

describe.each(places)('What is promised holds $place through', ({ some, diskOf }) => {
  let disk: SmallDisk | undefined;
  let site: Site | undefined;
  let before: Resources;
  let atRest: Resources;

  beforeAll(async () => {
    disk = diskOf();
    site = await startSite(toolOf('nginx'), disk);
    const journal = openJournal();
    const crowd = await startCrowd(site, journal, SEED);
    await new Promise((resolve) => setTimeout(resolve, WARM_MS));
    await crowd.stop();
    journal.close();
    before = await resourcesOf(site);
    await new Promise((resolve) => setTimeout(resolve, farOr(REST_MS, 0)));
    atRest = await resourcesOf(site);
  }, 300_000);
  afterAll(async () => {
    try {
      await site?.close();
    } finally {
      disk?.unmount();
    }
  });

  it.each(some.map((fault) => [fault.name, fault] as const))(
    '%s',
    async (_name, fault) => {
      const result = await drill(site!, fault, before, SEED + faults.indexOf(fault));
      results.set(fault.name, result);
      if (farOr(true, false)) process.stdout.write(lineOf(result));
      expect(result.wrong, evidenceOf(site!)).toEqual([]);
      expect(result.verdict.gifts).toBeGreaterThan(0);
      expect(result.verdict.messages).toBeGreaterThan(0);
      expect(result.verdict.answered).toBeGreaterThan(0);
      // A machine with other tests is no place to tell how long anything takes.
      expect(farOr(result.missed, []), evidenceOf(site!)).toEqual([]);
    },
    BESIDES_MS + farOr(3_600_000, 0),
  );

  it.runIf(farOr(true, false))(
    'and when nobody has asked for long, no session and no descriptor is left of all of that',
    async () => {
      const left = async () => excessOf({ ...(await resourcesOf(site!)), memoryMb: atRest.memoryMb }, atRest);
      expect(await settled(left, (excess) => excess.length === 0, REST_MS)).toEqual([]);
    },
    BESIDES_MS,
  );

  it('and whoever judges would see what is lost, doubled, foreign or broken', async () => {
    const asked = (outcome: Partial<Outcome>, more: Partial<Asked> = {}): Asked => {
      const right: Outcome = { status: 201, ms: 1, verdict: 'right', id: newId() };
      return { kind: 'gifts', key: 'canary-0-none', who: 'canary-0-', at: 0, outcome: { ...right, ...outcome }, ...more };
    };
    const all = [
      asked({}),
      asked({}),
      asked({}, { kind: 'messages' }),
      asked({ verdict: 'broken', why: '500' }),
      asked({ verdict: 'foreign', why: 'hers' }),
    ];
    await doWrong(site!);
    const verdict = await judge(site!, all, SHORT_MS);
    expect([verdict.lost.length, verdict.foreign, verdict.broken]).toEqual([2, ['hers'], ['1 × gifts 500']]);
    expect(verdict.doubled.map((what) => what.split(' ')[0])).toEqual(['gift', 'message']);
    expect([verdict.wrongSums.length, verdict.overspent.length]).toEqual([1, 1]);
    expect(faultsIn(verdict)).toHaveLength(8);
    expect(strangersIn('canary-1-a canary-12-b', 'canary-1-')).toEqual(['canary-12-']);
    expect(secondsToRecover(all, -1_500)).toBe(2);
    expect(secondsToRecover([asked({ ms: 2_100 })], -500)).toBe(1);
    expect(longestMs([asked({ ms: 7 }), asked({ ms: 9, verdict: 'refused' })], -1, 1)).toBe(9);
  });
});
