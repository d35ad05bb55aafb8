import { createHash } from 'node:crypto';
import type { ThrottlerStorage } from '@nestjs/throttler';
import { newId } from '../../kernel/ids.js';
import type { Log } from '../../observability/log.js';
import { RedisAway, type RedisClient } from '../../redis/redis.client.js';
import { Meters, passed, refused, type Meter, type Verdict } from './meter.js';
import { LEASE_MS, ruleNames, type Rule, type RuleName, type Rules } from './rules.js';
import { ANSWERS_PER_KEY, script } from './script.js';

const MOST_METERS = 10_000;
const MOST_KEYS_AT_ONCE = 200;
const GIVE_BACK_EVERY_MS = LEASE_MS / 4;
const TELL_EVERY_MS = 60_000;

/** What is needed of Redis: `RedisGate`. */
interface Gate {
  readonly away: boolean;
  run<T>(work: (client: RedisClient) => Promise<T>): Promise<T>;
}

type ThrottlerRecord = Awaited<ReturnType<ThrottlerStorage['increment']>>;

interface Question {
  meter: Meter;
  waiting: ((verdict: Verdict) => void)[];
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
  private toldAt = -Infinity;

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
    const look = { meter, waiting: [], spare: -1, spent: 0, owed: 0 };
    try {
      const [, , remaining = 0, fullIn = 0] = await this.redis.run((client) => this.evaluate(client, [look]));
      return passed(rule, remaining + meter.left, fullIn);
    } catch (fault) {
      if (!(fault instanceof RedisAway)) throw fault;
      return alone();
    }
  }

  /** Tokens that nobody came for. */
  giveBack(): void {
    const now = this.clock();
    for (const meter of this.leased) {
      if (now < meter.leaseEnds) continue;
      this.leased.delete(meter);
      if (meter.left > 0 && !meter.renewing && meter.waiting.length === 0 && !this.redis.away) this.queue(meter);
    }
    if (this.leased.size > 0) this.giveBackLater();
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
    const questions = meters.map((meter) => question(meter, asked));
    const sent = { yes: false };
    let answers: number[];
    try {
      answers = await this.redis.run((client) => {
        sent.yes = true;
        this.figures.asked += 1;
        return this.evaluate(client, questions);
      });
    } catch (fault) {
      this.unanswered(questions, fault, sent.yes && fault instanceof RedisAway);
      return;
    }
    questions.forEach((one, at) => this.answer(one, asked, answers.slice(at * ANSWERS_PER_KEY)));
  }

  private async evaluate(client: RedisClient, questions: Question[]): Promise<number[]> {
    const keys = questions.map(({ meter }) => meter.key);
    const numbers = questions.flatMap(({ meter: { rule }, waiting, spare, spent, owed }) => [
      rule.limit,
      waiting.length,
      spare,
      rule.lent,
      spent,
      owed,
    ]);
    try {
      return (await client.evalsha(this.digest, keys.length, ...keys, this.holder, ...numbers)) as number[];
    } catch (fault) {
      if (!(fault instanceof Error && fault.message.startsWith('NOSCRIPT'))) throw fault;
      return (await client.eval(this.lua, keys.length, ...keys, this.holder, ...numbers)) as number[];
    }
  }

  private answer({ meter, waiting, spare }: Question, asked: number, answers: number[]): void {
    const [given = 0, lent = 0, remaining = 0, fullIn = 0, freeIn = 0] = answers;
    const now = this.clock();
    meter.remaining = remaining;
    if (spare >= 0) {
      meter.renewing = false;
      meter.left = meter.lent = lent;
      meter.leaseEnds = asked + LEASE_MS;
      if (lent > 0 && this.leased.add(meter).size === 1) this.giveBackLater();
    }
    if (given < waiting.length) {
      meter.freeAt = asked + freeIn;
      meter.fullAt = asked + fullIn;
      // What others hold may come back sooner than that.
      meter.refusedUntil = meter.rule.block > 0 ? Math.min(meter.freeAt, asked + LEASE_MS) : meter.freeAt;
    }
    waiting.forEach((resolve, at) =>
      resolve(at < given ? this.pass(meter, now, remaining + lent + given - 1 - at) : this.refuse(meter, now)),
    );
  }

  private unanswered(questions: Question[], fault: unknown, mayCountYet: boolean): void {
    const now = this.clock();
    // That Redis is away is told by its client.
    if (!(fault instanceof RedisAway) && now > this.toldAt + TELL_EVERY_MS) {
      this.toldAt = now;
      this.log.error({ err: fault }, 'limits are counted by each process alone');
    }
    for (const { meter, waiting, spare, spent, owed } of questions) {
      if (spare >= 0) meter.renewing = false;
      meter.lent += spent;
      meter.owed += owed;
      for (const resolve of waiting) resolve(this.alone(meter, now));
      // A frozen server does what it was asked when it wakes.
      if (mayCountYet) meter.owed = 0;
    }
  }

  private alone(meter: Meter, now: number): Verdict {
    const { rule, passes } = meter;
    this.figures.alone += 1;
    const before = passes.within(now);
    if (before < rule.share) {
      meter.owed += 1;
      return this.pass(meter, now, rule.share - before - 1);
    }
    this.figures.refused += 1;
    return refused(rule, passes.fullInMs(now), passes.freeInMs(now));
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
}

function question(meter: Meter, now: number): Question {
  const { rule, waiting } = meter;
  meter.waiting = [];
  const recent = meter.passes.within(now);
  const owed = Math.min(meter.owed, recent);
  meter.owed = 0;
  if (rule.block === 0 || meter.renewing) return { meter, waiting, spare: -1, spent: 0, owed };
  // Only who comes again within the life of a lease is lent to, and then each time more.
  const busy = waiting.length > 0 && now < meter.renewedAt + LEASE_MS;
  meter.spare = busy ? Math.min(rule.block, Math.max(waiting.length, 2 * meter.spare)) : 0;
  meter.renewing = true;
  meter.renewedAt = now;
  const spent = Math.min(meter.lent - meter.left, recent);
  meter.left = meter.lent = 0;
  return { meter, waiting, spare: meter.spare, spent, owed };
}
