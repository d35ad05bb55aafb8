import { createHash } from 'node:crypto';
import type { ThrottlerStorage } from '@nestjs/throttler';
import { newId } from '../../kernel/ids.js';
import type { Log } from '../../observability/log.js';
import { RedisAway, type RedisClient } from '../../redis/redis.client.js';
import { Meters, passed, refused, type Meter, type Verdict } from './meter.js';
import { LEASE_MS, ruleNames, type Rule, type RuleName, type Rules } from './rules.js';
import { ANSWERS_PER_KEY, script } from './script.js';

const MOST_METERS = 10_000;
const MOST_INDEBTED = 1_000;
const MOST_KEYS_AT_ONCE = 200;
const GIVE_BACK_EVERY_MS = LEASE_MS / 4;
const TELL_EVERY_MS = 60_000;
/** After Redis was away: by then every process has told it what it passed alone. */
const SETTLE_MS = 2_000;

/** What is needed of Redis: `RedisGate`. */
interface Gate {
  readonly away: boolean;
  run<T>(work: (client: RedisClient) => Promise<T>): Promise<T>;
}

type ThrottlerRecord = Awaited<ReturnType<ThrottlerStorage['increment']>>;

interface Question {
  meter: Meter;
  waiting: ((verdict: Verdict) => void)[];
  /** How many of those who wait it is asked for. */
  need: number;
  /** Tokens asked for besides; less than 0 where the lease is not touched. */
  spare: number;
  spent: number;
  owed: number;
}

/**
 * Counts requests for all processes in Redis. Whoever asks seldom costs a share of one round trip; who asks
 * often is answered from a small lease. Without Redis, each process passes its own part of the limit.
 */
export class RedisStorage implements ThrottlerStorage {
  readonly figures = { passed: 0, refused: 0, asked: 0, alone: 0 };
  private readonly holder = newId();
  private readonly digest: string;
  private readonly meters: Readonly<Record<RuleName, Meters>>;
  private readonly leased = new Set<Meter>();
  private line: Meter[] = [];
  private readonly indebted = new Set<Meter>();
  private toldAt = -Infinity;
  private awayAt = -Infinity;
  /** Whether Redis has answered since. What it is told while it is frozen counts when it wakes, each time. */
  private isBack = true;

  constructor(
    readonly rules: Rules,
    private readonly redis: Gate,
    private readonly log: Log,
    private readonly clock = () => performance.now(),
    private readonly lua = script,
  ) {
    this.digest = createHash('sha1').update(lua).digest('hex');
    this.meters = Object.fromEntries(ruleNames.map((name) => [name, new Meters(MOST_METERS)])) as Record<RuleName, Meters>;
  }

  /** Callers that this process remembers. */
  get known(): number {
    return Object.values(this.meters).reduce((sum, { size }) => sum + size, 0);
  }

  /** At once where it can be told at once: a promise costs more than the counting. */
  take(rule: Rule, who: string): Verdict | Promise<Verdict> {
    const now = this.clock();
    const meter = this.meters[rule.name].of(who, rule);
    if (meter.left > 0 && now < meter.leaseEnds) {
      meter.left -= 1;
      return this.pass(meter, now, meter.remaining + meter.left);
    }
    if (now < meter.refusedUntil) return this.refuse(meter, now);
    if (this.redis.away) return this.alone(meter, now);
    return new Promise((resolve) => {
      meter.waiting.push(resolve);
      if (meter.waiting.length === 1) this.queue(meter);
    });
  }

  async increment(who: string, _ttl: number, limit: number, _blockDuration: number, name: string): Promise<ThrottlerRecord> {
    const { own, [name as RuleName]: general } = this.rules;
    const { rule, passed, remaining, fullIn, freeIn } = await this.take(own(general, limit), who);
    return { totalHits: rule.limit - remaining, timeToExpire: fullIn, isBlocked: !passed, timeToBlockExpire: freeIn };
  }

  /** What is left, without taking any of it. */
  async peek(rule: Rule, who: string): Promise<Verdict> {
    const now = this.clock();
    const meter = this.meters[rule.name].of(who, rule);
    const alone = () => passed(rule, Math.max(0, rule.share - meter.passes.within(now)), meter.passes.fullInMs(now));
    if (this.redis.away) return alone();
    const look = { meter, waiting: [], need: 0, spare: -1, spent: 0, owed: 0 };
    try {
      const [, , remaining = 0, fullIn = 0] = await this.redis.run((client) => this.evaluate(client, [look]));
      return passed(rule, remaining + meter.left, fullIn);
    } catch (fault) {
      if (!(fault instanceof RedisAway)) throw fault;
      return alone();
    }
  }

  /** Tokens that nobody came for, and word of what was passed without asking. */
  giveBack(): void {
    const now = this.clock();
    for (const meter of this.indebted) {
      if (meter.owed === 0 || meter.passes.within(now) === 0) this.indebted.delete(meter);
      else if (meter.waiting.length === 0 && !this.redis.away) this.queue(meter);
    }
    for (const meter of this.leased) {
      if (now < meter.leaseEnds) continue;
      this.leased.delete(meter);
      if (meter.left > 0 && !meter.renewing && meter.waiting.length === 0 && !this.redis.away) this.queue(meter);
    }
    if (this.leased.size + this.indebted.size > 0) this.giveBackLater();
  }

  private giveBackLater(): void {
    setTimeout(() => this.giveBack(), GIVE_BACK_EVERY_MS).unref();
  }

  // All who come in one turn of the loop share a round trip.
  private queue(meter: Meter): void {
    if (this.line.push(meter) > 1) return;
    setImmediate(() => {
      const meters = this.line;
      this.line = [];
      for (let at = 0; at < meters.length; at += MOST_KEYS_AT_ONCE) void this.ask(meters.slice(at, at + MOST_KEYS_AT_ONCE));
    });
  }

  private async ask(meters: Meter[]): Promise<void> {
    const asked = this.clock();
    const questions = meters.map((meter) => this.question(meter, asked));
    let answers: number[];
    try {
      answers = await this.redis.run((client) => {
        this.figures.asked += 1;
        return this.evaluate(client, questions);
      });
    } catch (fault) {
      this.unanswered(questions, fault);
      return;
    }
    this.isBack = true;
    questions.forEach((one, at) => this.answer(one, asked, answers.slice(at * ANSWERS_PER_KEY)));
  }

  private async evaluate(client: RedisClient, questions: Question[]): Promise<number[]> {
    const keys = questions.map(({ meter }) => meter.key);
    const numbers = questions.flatMap(({ meter: { rule }, need, spare, spent, owed }) => [rule.limit, need, spare, rule.lent, spent, owed]);
    try {
      return (await client.evalsha(this.digest, keys.length, ...keys, this.holder, ...numbers)) as number[];
    } catch (fault) {
      if (!(fault instanceof Error && fault.message.startsWith('NOSCRIPT'))) throw fault;
      return (await client.eval(this.lua, keys.length, ...keys, this.holder, ...numbers)) as number[];
    }
  }

  private answer({ meter, waiting, need, spare }: Question, asked: number, answers: number[]): void {
    const [given = 0, lent = 0, remaining = 0, fullIn = 0, freeIn = 0] = answers;
    const now = this.clock();
    meter.asked -= need;
    meter.remaining = remaining;
    meter.freeAt = freeIn > 0 ? asked + freeIn : 0;
    if (spare >= 0) {
      meter.renewing = false;
      meter.left = meter.lent = lent;
      meter.leaseEnds = asked + LEASE_MS;
      if (lent > 0) this.comeBackTo(this.leased, meter);
    }
    if (given < need) {
      meter.fullAt = asked + fullIn;
      // What others hold may come back sooner than that.
      meter.refusedUntil = meter.rule.block > 0 ? Math.min(meter.freeAt, asked + LEASE_MS) : meter.freeAt;
    }
    waiting.forEach((resolve, at) => {
      if (at < given) resolve(this.pass(meter, now, remaining + lent + given - 1 - at));
      else resolve(given < need ? this.refuse(meter, now) : this.refuseAlone(meter, now));
    });
  }

  private unanswered(questions: Question[], fault: unknown): void {
    const now = this.clock();
    this.isAway(now);
    // That Redis is away is told by its client.
    if (!(fault instanceof RedisAway) && now > this.toldAt + TELL_EVERY_MS) {
      this.toldAt = now;
      this.log.error({ err: fault }, 'limits are counted by each process alone');
    }
    for (const { meter, waiting, need, spare, spent, owed } of questions) {
      meter.asked -= need;
      if (spare >= 0) meter.renewing = false;
      meter.lent += spent;
      meter.owed += owed;
      for (const resolve of waiting) resolve(this.alone(meter, now));
    }
  }

  private alone(meter: Meter, now: number): Verdict {
    const { rule, passes } = meter;
    this.figures.alone += 1;
    this.isAway(now);
    const before = passes.within(now);
    // Before this moment nothing of what Redis had counted last is free again.
    const known = now < meter.freeAt ? meter.remaining : Infinity;
    const left = Math.min(rule.share - before, known);
    if (left <= 0) return this.refuseAlone(meter, now);
    meter.owed += 1;
    meter.remaining -= 1;
    // What is too much to remember is told with the caller's next question.
    if (this.indebted.size < MOST_INDEBTED) this.comeBackTo(this.indebted, meter);
    return this.pass(meter, now, left - 1);
  }

  private isAway(now: number): void {
    this.awayAt = now;
    this.isBack = false;
  }

  private pass(meter: Meter, now: number, remaining: number): Verdict {
    this.figures.passed += 1;
    meter.passes.add(now);
    return passed(meter.rule, remaining);
  }

  private refuse(meter: Meter, now: number): Verdict {
    this.figures.refused += 1;
    return refused(meter.rule, meter.fullAt - now, meter.freeAt - now);
  }

  private refuseAlone({ rule, passes }: Meter, now: number): Verdict {
    this.figures.refused += 1;
    return refused(rule, passes.fullInMs(now), passes.freeInMs(now));
  }

  private question(meter: Meter, now: number): Question {
    const { rule, waiting } = meter;
    meter.waiting = [];
    const recent = meter.passes.within(now);
    // Others may have passed their shares as well, and Redis may not know of it yet.
    const most = now < this.awayAt + SETTLE_MS ? Math.max(0, rule.share - recent - meter.asked) : waiting.length;
    const need = Math.min(waiting.length, most);
    meter.asked += need;
    if (!this.isBack) return { meter, waiting, need, spare: -1, spent: 0, owed: 0 };
    const owed = Math.min(meter.owed, recent);
    meter.owed = 0;
    if (rule.block === 0 || meter.renewing) return { meter, waiting, need, spare: -1, spent: 0, owed };
    // Only who comes again within the life of a lease is lent to, and then each time more.
    const busy = need > 0 && need === waiting.length && now < meter.renewedAt + LEASE_MS;
    meter.spare = busy ? Math.min(rule.block, Math.max(waiting.length, 2 * meter.spare)) : 0;
    meter.renewing = true;
    meter.renewedAt = now;
    const spent = Math.min(meter.lent - meter.left, recent);
    meter.left = meter.lent = 0;
    return { meter, waiting, need, spare: meter.spare, spent, owed };
  }

  private comeBackTo(set: Set<Meter>, meter: Meter): void {
    if (this.leased.size + this.indebted.size === 0) this.giveBackLater();
    set.add(meter);
  }
}
