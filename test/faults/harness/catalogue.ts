import { pause } from '../../../src/kernel/waiting.js';
import { farOr } from '../../support/drills.js';
import { clientFaults } from './faults.clients.js';
import { clockFaults } from './faults.clocks.js';
import { diskFaults } from './faults.disk.js';
import { keptFaults } from './faults.kept.js';
import { edgeFaults } from './faults.edge.js';
import { freezeFaults } from './faults.freezes.js';
import { lineFaults } from './faults.lines.js';
import { linkFaults } from './faults.links.js';
import { outsideFaults } from './faults.outside.js';
import { midnightFaults } from './faults.midnight.js';
import { postgresFaults } from './faults.postgres.js';
import { processFaults } from './faults.processes.js';
import { redisFaults } from './faults.redis.js';
import { startFaults } from './faults.starts.js';
import { done, everything, fault, nothing, type Fault, type Ground } from './fault.js';

function minutes(name: string, usual: number): number {
  const given = Number(process.env[name] ?? usual);
  if (!(given > 0)) throw new Error(`${name}=${process.env[name]} is no number of minutes`);
  return given;
}
const NEMESIS_MINUTES = minutes('NEMESIS_MINUTES', 10);
const SOAK_MINUTES = minutes('SOAK_MINUTES', 30);
const NEMESIS_SECONDS = farOr(60 * NEMESIS_MINUTES, 12);
const SOAK_SECONDS = 60 * SOAK_MINUTES;
/** As long as is promised: only then it says how it is. */
export const isWhole = NEMESIS_MINUTES >= 10 && SOAK_MINUTES >= 30;
/** Between the beginning of a fault and that of the one that overlaps it. */
const LEAD_MS = 2_000;
const LONGEST_SECONDS = 8;

const singles: Fault[] = [
  ...processFaults,
  ...freezeFaults,
  ...postgresFaults,
  ...redisFaults,
  ...linkFaults,
  ...outsideFaults,
  ...startFaults,
  ...clientFaults,
  ...clockFaults,
  ...midnightFaults,
  ...keptFaults,
  ...lineFaults,
  // The last ones put links before the instances, which stay there.
  ...edgeFaults,
];
const mixing = singles.filter(({ mixes }) => mixes);

/** Two by chance, the second while the first is there; each is made good after its time. */
async function overlap(ground: Ground) {
  const first = Math.floor(ground.draw() * mixing.length);
  // Never the same twice: the one that is made good first would end both.
  const second = (first + 1 + Math.floor(ground.draw() * (mixing.length - 1))) % mixing.length;
  const two = [mixing[first]!, mixing[second]!];
  const lead = LEAD_MS * ground.draw();
  const plans = two.map((one, n) => ({
    one,
    waitMs: n * lead,
    // What lasts is still there when the other begins.
    lastsMs: (1 - n) * lead + Math.min(one.seconds, LONGEST_SECONDS) * 1_000 * ground.draw(),
  }));
  let injected = 0;
  await Promise.all(
    plans.map(async ({ one, waitMs, lastsMs }) => {
      await pause(waitMs);
      // What the other one has just killed is not there to be broken, nor to be made good.
      const made = await one.inject({ ...ground, note: () => undefined, well: () => undefined }).catch(() => undefined);
      if (made) injected += 1;
      const heal = made ?? done;
      await pause(lastsMs);
      await heal().catch(() => undefined);
    }),
  );
  return { what: two.map(({ name }) => name).join(' + '), injected, healedAt: performance.now() };
}

const NEMESIS_BACK_SECONDS = 20;
/** Of two in a round, now and then one has ended what the other would break. */
const LEAST_OF_TWO = 1.5;
const ROUNDS_THAT_TELL = 5;

export const nemesis = fault({
  name: 'two of these at once, by chance, again and again',
  promise: 'nothing that was acknowledged is lost, nothing is doubled, and all goes on after each',
  ...{ seconds: 1, spares: nothing, backSeconds: NEMESIS_BACK_SECONDS, mostMs: 15_000, near: true, endsSenders: true },
  async inject(ground) {
    const ends = performance.now() + NEMESIS_SECONDS * 1_000;
    let rounds = 0;
    let faults = 0;
    let slowest = { seconds: 0, what: '' };
    while (performance.now() < ends) {
      const { what, injected, healedAt } = await overlap(ground);
      const seconds = await ground.calm(healedAt);
      rounds += 1;
      faults += injected;
      if (seconds > slowest.seconds) slowest = { seconds, what };
    }
    ground.note(
      `${Math.round(NEMESIS_SECONDS / 60)} min, ${rounds} rounds with ${faults} faults; the longest was over ${slowest.seconds} s after both were made good: ${slowest.what}`,
    );
    return () => {
      const wrong = [
        ...(slowest.seconds > NEMESIS_BACK_SECONDS ? [`after ${slowest.what} all was answered again after ${slowest.seconds} s`] : []),
        ...(rounds === 0 ? ['there was no time for any'] : []),
        ...(rounds >= ROUNDS_THAT_TELL && faults < LEAST_OF_TWO * rounds ? [`of ${2 * rounds} faults only ${faults} came about`] : []),
      ];
      return wrong.length > 0 ? Promise.reject(new Error(wrong.join('; '))) : Promise.resolve();
    };
  },
});

export const soak = fault({
  name: 'nothing at all, for long',
  promise: 'nobody is refused, and nothing grows',
  ...{ seconds: SOAK_SECONDS, spares: everything, backSeconds: 1 },
  inject({ note }) {
    note(`${Math.round(SOAK_SECONDS / 60)} min`);
    return Promise.resolve(done);
  },
});

export const catalogue: readonly Fault[] = [...singles, nemesis, soak, ...diskFaults];
