import { ownText } from '../../kernel/own-text.js';
import { redisKey } from '../../redis/keys.js';
import { GRAIN_MS, WINDOW_MS, WINDOW_SECONDS, type Rule } from './rules.js';

export interface Verdict {
  rule: Rule;
  passed: boolean;
  remaining: number;
  /** Seconds until all is free again. */
  fullIn: number;
  /** Seconds until one is free again, where none is. */
  freeIn: number;
}

export const passed = (rule: Rule, remaining: number, fullInMs = WINDOW_MS): Verdict => ({
  rule,
  passed: true,
  remaining,
  fullIn: fullInMs === 0 ? 0 : seconds(fullInMs),
  freeIn: 0,
});

export const refused = (rule: Rule, fullInMs: number, freeInMs: number): Verdict => ({
  rule,
  passed: false,
  remaining: 0,
  fullIn: seconds(fullInMs),
  freeIn: seconds(freeInMs),
});

// What is on lease may be used a little later, but nobody needs to be told of a second beyond the minute.
const seconds = (ms: number) => Math.min(WINDOW_SECONDS, Math.max(1, Math.ceil(ms / 1_000)));

/** What this process passed within the last minute, as triples of first, last and how often. */
export class Passes {
  private readonly marks: number[] = [];
  private count = 0;

  add(now: number): void {
    const newest = this.marks.length - 3;
    this.count += 1;
    if (newest >= 0 && now < this.marks[newest]! + GRAIN_MS) {
      this.marks[newest + 1] = now;
      this.marks[newest + 2]! += 1;
      return;
    }
    this.forget(now);
    this.marks.push(now, now, 1);
  }

  within(now: number): number {
    this.forget(now);
    return this.count;
  }

  fullInMs(now: number): number {
    return this.leavesInMs(this.marks.length - 2, now);
  }

  freeInMs(now: number): number {
    return this.leavesInMs(1, now);
  }

  private leavesInMs(at: number, now: number): number {
    const last = this.marks[at];
    return last === undefined ? 0 : last + WINDOW_MS - now;
  }

  private forget(now: number): void {
    while (this.marks.length > 0 && this.marks[1]! + WINDOW_MS <= now) {
      this.count -= this.marks[2]!;
      this.marks.splice(0, 3);
    }
  }
}

/** One caller under one rule, as this process knows it. */
export class Meter {
  readonly key: string;
  readonly passes = new Passes();
  waiting: ((verdict: Verdict) => void)[] = [];
  /** Of the tokens on lease, those still here. */
  left = 0;
  lent = 0;
  leaseEnds = 0;
  /** How many were asked for last time, and when. */
  spare = 0;
  renewedAt = -Infinity;
  renewing = false;
  /** As Redis said last. */
  remaining = 0;
  refusedUntil = 0;
  freeAt = 0;
  fullAt = 0;
  /** How many Redis is being asked for. */
  asked = 0;
  /** Passed while Redis was away, so that it does not know of them. */
  owed = 0;

  constructor(
    /** That of his last request: his plan may change. */
    public rule: Rule,
    who: string,
  ) {
    this.key = redisKey('limits', rule.name, who);
  }

  /** What was refused by another limit is asked for again. */
  follow(rule: Rule): void {
    this.rule = rule;
    this.refusedUntil = this.freeAt = 0;
  }
}

/** Those who asked last; when there are too many, the half that asked longest ago is forgotten. */
export class Meters {
  private young = new Map<string, Meter>();
  private old = new Map<string, Meter>();

  constructor(private readonly most: number) {}

  get size(): number {
    return this.young.size + this.old.size;
  }

  of(who: string, rule: Rule): Meter {
    const meter = this.young.get(who) ?? this.renewed(who, rule);
    if (meter.rule !== rule) meter.follow(rule);
    return meter;
  }

  private renewed(who: string, rule: Rule): Meter {
    const meter = this.old.get(who) ?? new Meter(rule, who);
    if (this.young.size >= this.most / 2) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(ownText(who), meter);
    return meter;
  }
}
