import type { Figure } from '../figures.js';
import type { Crowd, Night } from './users.js';

export interface Judged {
  name: string;
  crowd: Crowd;
  night: Night;
  figures: Figure[];
  /** Of the system, where it is on this machine. */
  memoryMb?: number;
  cpuMsPerThousand?: Record<string, number>;
  /** Cents that the campaigns gained, and those that were acknowledged. */
  books: { gained: number; acknowledged: number };
  /** Letters of thanks, and gifts that have one; where we are the post. */
  thanks?: { letters: number; gifts: number };
}

const MOST_P95_MS = 500;
const AIMED_P95_MS = 50;
const MOST_MEAN_MS = 50;
const MOST_FAILED = 0.001;
/** Who thinks for so long is there to be held: without any error. */
const HOLDING_THINK_MS = 30_000;
const LEAST_REQUESTS = 20_000;
const LEAST_HITS = 0.85;
/** A second, of a thousand users. */
const FULL = 1_000;
const MOST_MB = 1_024;
/** So much of what is asked for is answered each second: of a thousand users with a second to think, 900. */
const LEAST_ANSWERED = 0.9;

const percent = (part: number, digits = 1) => `${(part * 100).toFixed(digits)} %`;

export function judge(judged: Omit<Judged, 'figures' | 'name'>): Pick<Judged, 'figures' | 'name'> {
  const { crowd, night, memoryMb, books, thanks } = judged;
  const { users, arrivals = 0, thinkMs } = crowd;
  const name = users === undefined ? `${arrivals} arrivals/s` : `${users} users`;
  const wanted = users === undefined ? arrivals : (users * 1_000) / thinkMs;
  const failed = night.failed / Math.max(1, night.asked);
  const holds = thinkMs >= HOLDING_THINK_MS;
  // A smaller crowd asks less in the same time.
  const enough = wanted < FULL ? Math.min(LEAST_REQUESTS, wanted * crowd.seconds * LEAST_ANSWERED) : LEAST_REQUESTS;
  const row = (what: string, measured: string, promise: string, met: boolean): Figure => ({
    what: `${name}: ${what}`,
    measured,
    promise,
    met,
  });
  return {
    name,
    figures: [
      row(
        'answers',
        `${night.perSecond}/s`,
        `at least ${Math.round(wanted * LEAST_ANSWERED)}/s`,
        night.perSecond >= wanted * LEAST_ANSWERED,
      ),
      row(
        'P95',
        `${night.all.p95} ms (P99 ${night.all.p99}, most ${night.all.most})`,
        `under ${MOST_P95_MS} ms, aim ${AIMED_P95_MS}`,
        night.requests > 0 && night.all.p95 < MOST_P95_MS,
      ),
      row('mean', `${night.all.mean} ms`, `at most ${MOST_MEAN_MS} ms`, night.all.mean <= MOST_MEAN_MS),
      row(
        'errors',
        `${night.failed} of ${night.asked} from the first on (${percent(failed, 3)}), ${night.lost} connections lost${Object.entries(
          night.faults,
        )
          .map(([fault, many]) => `; ${fault} ${many} times`)
          .join('')}`,
        `${holds ? 'none' : `under ${percent(MOST_FAILED)}`} of at least ${Math.round(enough)} after the ramp`,
        (holds ? night.failed === 0 && night.lost === 0 : failed < MOST_FAILED) && night.requests >= enough,
      ),
      // Of few who ask, few ask the same in half a second.
      row('cache hits', percent(night.hits), `over ${percent(LEAST_HITS, 0)} from ${FULL}/s on`, night.hits > LEAST_HITS || wanted < FULL),
      ...(memoryMb === undefined
        ? []
        : [row('memory of the whole system', `${memoryMb.toFixed(0)} MB`, `under ${MOST_MB} MB`, memoryMb > 0 && memoryMb < MOST_MB)]),
      row(
        'gifts',
        `${night.gifts} acknowledged, ${books.acknowledged} cents; the campaigns gained ${books.gained}`,
        'the same to the cent',
        books.gained === books.acknowledged,
      ),
      ...(thanks === undefined
        ? []
        : [
            row(
              'letters',
              `${thanks.letters} of thanks, for ${thanks.gifts} gifts`,
              'one for each gift',
              thanks.letters === night.gifts && thanks.gifts === night.gifts,
            ),
          ]),
    ],
  };
}
