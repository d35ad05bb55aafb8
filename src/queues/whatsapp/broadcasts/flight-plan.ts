import { quietUntil, type QuietHours } from '../quiet-hours.js';
import { DAY_MS } from '../turns.js';

/** Persons who were written to first, all of them by then. */
export interface Opened {
  atMs: number;
  count: number;
}

export interface Flight {
  nowMs: number;
  /** The next turn that nobody has. */
  nextMs: number;
  perSecond: number;
  /**
   * Messages that go before the last of these: those of people, and those of other broadcasts, which keep the quiet hours too;
   * and how many of them all go to somebody who would be written to first.
   */
  ahead: { direct: number; broadcast: number; opens: number };
  /** To so many it goes. */
  willGo: number;
  /** So many of them would be written to first. */
  opens: number;
  /** So many may be within a day; nothing where there is no bound. */
  tier: number | undefined;
  /** Of the last day, the oldest first. */
  opened: readonly Opened[];
  quiet: QuietHours | undefined;
  timeZone: string;
}

export interface Wait {
  reason: 'ahead' | 'tier' | 'quiet_hours';
  untilMs: number;
}

export interface FlightPlan {
  startsMs: number;
  endsMs: number;
  days: { day: string; messages: number }[];
  waits: Wait[];
}

/** From its making to its first turn: its first part is written, and turns are given some hundreds of milliseconds ahead. */
const TAKE_OFF_MS = 500;
const MINUTE_MS = 60_000;
const MOST_WAITS = 50;
/** A shorter one is told by nobody. */
const LEAST_WAIT_MS = 1_000;

/** Some that are sent one after the other. */
interface Group {
  left: number;
  /** So many of them go to somebody who would be written to first. */
  opens: number;
  keepsQuiet: boolean;
}

const groupOf = (left: number, opens: number, keepsQuiet = true): Group => ({ left, opens: Math.min(opens, left), keepsQuiet });

/** Flies a broadcast as the line would send it where nothing else comes in between; of nobody, until what is ahead has gone. */
export function flightPlan(flight: Flight): FlightPlan {
  const { ahead, willGo } = flight;
  const clock = new FlightClock(flight);
  const tier = new Tier(flight);
  const days = new Map<string, number>();
  const dayOf = dayNames(flight.timeZone);
  const isBound = flight.tier !== undefined;
  const many = groupOf(ahead.broadcast, isBound ? ahead.opens : 0);
  const people = groupOf(ahead.direct, isBound ? ahead.opens - many.opens : 0, false);
  const ours = groupOf(willGo, isBound ? flight.opens : 0);
  const groups = [people, many, ours];
  // Where nobody more may be written to first, those go who need not be.
  const next = (mayOpen: boolean) => groups.find(({ left, opens }) => left > 0 && (left > opens || mayOpen));
  let startsMs: number | undefined;
  let endsMs = clock.ms;
  while (willGo > 0 ? ours.left > 0 : people.left + many.left > 0) {
    const mayOpen = tier.freeAt(clock.ms) <= clock.ms;
    const group = next(mayOpen);
    if (!group) clock.wait('tier', tier.freeAt(clock.ms));
    else if (!group.keepsQuiet || !clock.rest()) {
      const isFirst = mayOpen && group.opens > 0;
      const some = groups.some(({ opens }) => opens > 0) ? 1 : Math.min(group.left, clock.turnsOfMinute());
      if (isFirst) {
        tier.open(clock.ms);
        group.opens -= 1;
      }
      group.left -= some;
      if (group === ours) {
        const day = dayOf(clock.ms);
        days.set(day, (days.get(day) ?? 0) + some);
        startsMs ??= clock.ms;
        endsMs = clock.ms + (some - 1) * clock.stepMs;
        clock.ms += some * clock.stepMs;
      } else clock.wait('ahead', clock.ms + some * clock.stepMs);
    }
  }
  if (startsMs === undefined) endsMs = clock.ms;
  return { startsMs: startsMs ?? endsMs, endsMs, days: [...days].map(([day, messages]) => ({ day, messages })), waits: clock.waits };
}

class FlightClock {
  readonly stepMs: number;
  readonly waits: Wait[] = [];
  ms: number;
  private waiting: Wait | undefined;
  private sinceMs = 0;
  private loudMinute = Number.NaN;

  constructor(private readonly flight: Flight) {
    this.stepMs = 1_000 / flight.perSecond;
    this.ms = Math.max(flight.nextMs, flight.nowMs + TAKE_OFF_MS);
  }

  /** Whether it was quiet, and is not any more. */
  rest(): boolean {
    const until = this.quietUntil();
    if (until !== undefined) this.wait('quiet_hours', until);
    return until !== undefined;
  }

  wait(reason: Wait['reason'], untilMs: number): void {
    if (this.waiting?.reason === reason && this.ms <= this.waiting.untilMs + LEAST_WAIT_MS) this.waiting.untilMs = untilMs;
    else {
      this.waiting = { reason, untilMs };
      this.sinceMs = this.ms;
    }
    const isTold = untilMs - this.sinceMs >= LEAST_WAIT_MS && this.waits.length < MOST_WAITS;
    if (isTold && this.waits.at(-1) !== this.waiting) this.waits.push(this.waiting);
    this.ms = untilMs;
  }

  /** Within a minute neither the day nor the quiet changes. */
  turnsOfMinute(): number {
    return Math.max(1, Math.ceil((this.minute() + MINUTE_MS - this.ms) / this.stepMs));
  }

  private minute(): number {
    return Math.floor(this.ms / MINUTE_MS) * MINUTE_MS;
  }

  /** Looked up once a minute: the hours are told by minutes. */
  private quietUntil(): number | undefined {
    const { quiet, timeZone } = this.flight;
    if (!quiet || this.minute() === this.loudMinute) return undefined;
    const until = quietUntil(this.ms, quiet, timeZone);
    if (until === undefined) this.loudMinute = this.minute();
    return until;
  }
}

/** Who was written to first within the last day, as it rolls on. */
class Tier {
  private readonly opened: Opened[];
  private oldest = 0;
  private used: number;

  constructor(private readonly flight: Flight) {
    this.opened = flight.opened.map((one) => ({ ...one }));
    this.used = this.opened.reduce((sum, { count }) => sum + count, 0);
  }

  /** From when on one more may be. */
  freeAt(ms: number): number {
    const { tier = Infinity } = this.flight;
    for (let first = this.opened[this.oldest]; first && first.atMs + DAY_MS <= ms; first = this.opened[this.oldest]) {
      this.used -= first.count;
      this.oldest += 1;
    }
    if (this.used < tier) return ms;
    let over = this.used - tier;
    for (let at = this.oldest; at < this.opened.length; at += 1) {
      const { atMs, count } = this.opened[at]!;
      if (count > over) return atMs + DAY_MS;
      over -= count;
    }
    return ms + DAY_MS;
  }

  open(ms: number): void {
    this.used += 1;
    const last = this.opened.at(-1);
    // By the second, or a million of them would take their place in memory.
    if (last && this.opened.length > this.oldest && secondOf(last.atMs) === secondOf(ms)) {
      last.count += 1;
      last.atMs = ms;
    } else this.opened.push({ atMs: ms, count: 1 });
  }
}

const secondOf = (ms: number) => Math.floor(ms / 1_000);

/** The day in that zone, looked up once for each quarter of an hour: no zone begins its day in between. */
function dayNames(timeZone: string): (ms: number) => string {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  let quarter = Number.NaN;
  let day = '';
  return (ms) => {
    const now = Math.floor(ms / (15 * MINUTE_MS));
    if (now !== quarter) {
      quarter = now;
      day = format.format(ms);
    }
    return day;
  };
}
