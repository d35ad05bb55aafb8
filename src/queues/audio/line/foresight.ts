import type { Priority } from '../../../outbox/contracts.js';

/** What became of a recording. */
export interface Past {
  priority: Priority;
  aboutSeconds: number;
  workedMs: number | null;
  expectedMs: number;
  promisedMs: number;
  tookMs: number;
}

/** What is before a recording, and beside it. */
export interface Ahead {
  /** Lengths and numbers of what waits before it, and of what is being worked on, as much of it as is left. */
  waiting: number;
  waitingSeconds: number;
  running: number;
  runningSeconds: number;
  slots: number;
  /** Until it may be taken at all. */
  laterMs: number;
  /** Of those that will be taken before it, though they come later: how many come in a second, and how long they are together. */
  overtaking: number;
  overtakingSeconds: number;
}

/** To begin costs as much as so many seconds of sound. */
export const BEGIN_SECONDS = 8;
const USUAL_MS_OF_A_SECOND = 25;
/** However many come before it, it has its turn. */
const MOST_OVERTAKEN = 0.9;
/** Until it is seen that there is something to do. */
const NOTICED_MS = 200;
const LEAST_PAST = 20;
const USUAL_RATIO = 1.6;
/** Of so much that lasts a moment, nobody can say that it was twice as long. */
const BLUR_MS = 500;
/** Those that were foreseen to take as long, but for this factor, tell most of how it will be. */
const ALIKE = 4;
const KEPT_PROMISES = 0.9;
/** Where too few or too many were kept of late, more or fewer than that are aimed at. */
const LEAST_AIM = 0.8;
const MOST_AIM = 0.98;

/** How long work takes, and how wrong that was of late: both learned from what ended last. */
export class Foresight {
  private readonly msOfASecond: number;
  private readonly aim: number;

  constructor(private readonly past: readonly Past[]) {
    const paces = past.flatMap(({ workedMs, aboutSeconds }) => (workedMs === null ? [] : [workedMs / (aboutSeconds + BEGIN_SECONDS)]));
    // By the middle one: what a few files say of their length is not true.
    this.msOfASecond = paces.length < LEAST_PAST / 4 ? USUAL_MS_OF_A_SECOND : quantile(paces, 0.5);
    const kept = past.filter(({ tookMs, promisedMs }) => tookMs <= promisedMs).length / past.length;
    this.aim = past.length < LEAST_PAST ? KEPT_PROMISES : Math.min(MOST_AIM, Math.max(LEAST_AIM, 2 * KEPT_PROMISES - kept));
  }

  workMs(seconds: number, recordings = 1): number {
    return this.msOfASecond * (seconds + BEGIN_SECONDS * recordings);
  }

  /** From now to its end, as it will be on the whole. */
  expectedMs(aboutSeconds: number, ahead: Ahead): number {
    const { waiting, waitingSeconds, running, runningSeconds, slots } = ahead;
    const before = this.workMs(waitingSeconds, waiting) + this.workMs(runningSeconds, running / 2);
    const waitMs = waiting + running < slots ? 0 : before / slots;
    // While it waits, others come that go before it.
    const taken = Math.min(MOST_OVERTAKEN, this.workMs(ahead.overtakingSeconds, ahead.overtaking) / 1_000 / slots);
    return NOTICED_MS + Math.max(ahead.laterMs, waitMs / (1 - taken)) + this.workMs(aboutSeconds);
  }

  /** By when nine of ten that were foreseen so have ended. */
  promisedMs(expectedMs: number, priority: Priority): number {
    return Math.max(1, (expectedMs + BLUR_MS) * this.ratioFor(expectedMs, priority) - BLUR_MS);
  }

  /** Of those most like it of which there are enough: what is overtaken more often is more often late. */
  private ratioFor(expectedMs: number, priority: Priority): number {
    const near = this.past.filter((one) => one.expectedMs < expectedMs * ALIKE && one.expectedMs > expectedMs / ALIKE);
    const alike = near.filter((one) => one.priority === priority);
    const known = [alike, near, this.past].find(({ length }) => length >= LEAST_PAST);
    if (!known) return USUAL_RATIO;
    return quantile(
      known.map((one) => (one.tookMs + BLUR_MS) / (one.expectedMs + BLUR_MS)),
      this.aim,
    );
  }
}

/** With one place more than there are: the next one is as likely to fall into each gap. */
function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * (sorted.length + 1)) - 1)] ?? 1;
}
