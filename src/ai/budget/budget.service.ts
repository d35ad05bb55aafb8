import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { newId } from '../../kernel/ids.js';
import { Refusal } from '../../kernel/problems.js';
import { pause } from '../../kernel/waiting.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import { exhaustedHeaders, isShort, leftOf, nanosLeft } from './budget.words.js';
import { Recently } from './recently.js';
import { Warnings } from './warnings.js';
import { BudgetStore, type Saving, type Standing, type Wanted } from './budget.store.js';
import { NO_USAGE, type Usage } from '../providers/provider.js';
import { Prices } from './prices.js';

const NOTE_MS = 1_000;
const LOOK_EVERY = 3;
const MOST_LAPSED = 100;
const FORGET_EVERY = 60;
const MOST_FORGOTTEN = 1_000;
const KEEP_DAYS = 400;
/** With fewer nobody could say anything. */
const LEAST_COMPLETION = 64;
const MOST_TRIES = 3;

/** One call of somebody, for which its worst case is kept back. */
export interface OpenCall {
  id: string;
  userId: string;
  model: string;
  /** What the answer may have, and whether that is less than was wished. */
  completion: number;
  isCut: boolean;
  prompt: number;
  mostNanos: number;
  standing: Standing;
  /** Ended where it may not go on: nobody is there any more, or its process was taken for dead. */
  over: AbortController;
  /** How much of the answer was given so far. */
  emitted: number;
  /** What it has cost, where nobody could write that down yet. */
  due?: { spent: number; costNanos: number };
}

/** `alone` where no other model may answer in its place. */
type CallWanted = Omit<Wanted, 'id' | 'leastCompletion' | 'price'> & { alone?: boolean };

/** Whoever asks the AI has it counted here first: the worst that it may cost, and afterwards what it did. */
@Injectable()
export class Budget implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly timeZone: string;
  private readonly open = new Map<string, OpenCall>();
  private readonly closing = new AbortController();
  private noting: Promise<void> = Promise.resolve();
  private notedAt = performance.now();
  private readonly recent = new Recently();
  private savings = new Map<string, Saving>();
  /** How often a provider went beyond what was kept back for it. */
  excesses = 0;

  constructor(
    private readonly store: BudgetStore,
    private readonly prices: Prices,
    private readonly warnings: Warnings,
    @Inject(LOG) private readonly log: Log,
  ) {
    this.timeZone = store.rules.timeZone;
  }

  onApplicationBootstrap(): void {
    this.noting = this.keepNoting();
  }

  async onApplicationShutdown(): Promise<void> {
    this.closing.abort();
    await this.noting;
    await this.keepSavings().catch(() => undefined);
    await this.store.close();
  }

  async standing(userId: string): Promise<Standing> {
    return this.recent.note(userId, await this.store.standing(userId));
  }

  /** As it was a second ago at most, for whom nothing is charged. */
  async lately(userId: string): Promise<Standing> {
    return this.justNow(userId) ?? this.standing(userId);
  }

  justNow(userId: string): Standing | undefined {
    return this.recent.of(userId);
  }

  get underWay(): number {
    return this.open.size;
  }

  /** An answer that was kept has cost nothing. */
  saved(userId: string, model: string, tokens: number): void {
    const key = `${userId} ${model}`;
    const saving = this.savings.get(key) ?? { userId, model, hits: 0, tokens: 0 };
    if (saving.hits === 0) this.savings.set(key, saving);
    saving.hits += 1;
    saving.tokens += tokens;
  }

  /** Refused where it could not be kept back as things stand. */
  mustFit(standing: Standing, model: string, prompt: number): void {
    const wanted = { prompt, leastCompletion: 0, price: this.prices.mostOf(model, true) };
    if (!fitsInto(standing, wanted)) throw new Exhausted(standing, wanted, false);
  }

  /** What would be kept back now, of a question like this. */
  worstOf(standing: Standing, model: string, prompt: number, completion: number): { completion: number; nanos: number; fits: boolean } {
    const price = this.prices.mostOf(model);
    const leastCompletion = leastOf(completion);
    const nanosOf = (given: number) => prompt * price.input + given * price.output;
    if (!fitsInto(standing, { prompt, leastCompletion, price })) return { completion, nanos: nanosOf(completion), fits: false };
    const byMoney = price.output === 0 ? Infinity : Math.floor((nanosLeft(standing) - prompt * price.input) / price.output);
    const given = Math.min(completion, leftOf(standing) - prompt, byMoney);
    return { completion: given, nanos: nanosOf(given), fits: true };
  }

  /** Refused where it does not fit into what is left of the day. */
  async reserve({ alone = false, ...wanted }: CallWanted, over: AbortController): Promise<OpenCall> {
    const price = this.prices.mostOf(wanted.model, alone);
    over.signal.throwIfAborted();
    const whole = { ...wanted, id: newId(), leastCompletion: leastOf(wanted.completion), price };
    const taken = (await this.store.reserve(whole)) ?? (await this.reserveAgain(whole));
    const { granted, ...standing } = taken;
    const call: OpenCall = {
      id: whole.id,
      userId: wanted.userId,
      model: wanted.model,
      prompt: wanted.prompt,
      completion: granted - wanted.prompt,
      isCut: granted < wanted.prompt + wanted.completion,
      mostNanos: wanted.prompt * price.input + (granted - wanted.prompt) * price.output,
      standing: this.recent.note(wanted.userId, standing),
      over,
      emitted: 0,
    };
    this.open.set(call.id, call);
    if (over.signal.aborted) await this.settle(call, NO_USAGE);
    over.signal.throwIfAborted();
    return call;
  }

  /** What it has cost: never more than was kept back for it, whoever says so. `model` is the one that answered. */
  async settle(call: OpenCall, spent: Usage, model = call.model): Promise<Standing> {
    const tokens = spent.promptTokens + spent.completionTokens;
    const most = call.prompt + call.completion;
    const nanos = this.prices.nanosOf(model, spent);
    const costNanos = Math.min(nanos, call.mostNanos);
    // What is kept back for a question may be more than it needs, so that too long an answer may fit into the whole.
    if (tokens > most || nanos > call.mostNanos || (call.completion > 0 && spent.completionTokens > call.completion)) {
      this.excesses += 1;
      this.log.warn(
        { callId: call.id, userId: call.userId, model, ...spent, most, nanos },
        'the AI provider used more than it was allowed',
      );
    }
    try {
      const settled = await this.store.settle(call.id, 'settled', Math.min(tokens, most), costNanos);
      this.open.delete(call.id);
      this.log.info({ callId: call.id, userId: call.userId, model, used: Math.min(tokens, most), costNanos }, 'AI call');
      if (!settled) return call.standing;
      this.warnings.tell(call.userId, settled);
      return this.recent.note(call.userId, settled);
    } catch (fault) {
      // It is noted with what it has cost, until somebody can settle it.
      call.due = { spent: Math.min(tokens, most), costNanos };
      throw fault;
    }
  }

  /** Where it did not fit, that may be since his day had no row yet, or since it was freed a moment later. */
  private async reserveAgain(wanted: Wanted) {
    for (let tries = 1; ; tries += 1) {
      const begun = await this.store.beginDay(wanted.userId);
      const standing = await this.standing(wanted.userId);
      const fits = fitsInto(standing, wanted);
      const full = wanted.streaming && standing.streams >= this.store.rules.mostStreams;
      if (!begun && (!fits || full)) throw new Exhausted(standing, wanted, fits);
      // His own calls end and begin at once: it would fit in a moment, and now it does not.
      if (tries > MOST_TRIES) throw new Exhausted(standing, wanted, full);
      const taken = await this.store.reserve(wanted);
      if (taken) return taken;
    }
  }

  private async keepNoting(): Promise<void> {
    for (let turn = 1; !this.closing.signal.aborted; turn += 1) {
      await pause(NOTE_MS, this.closing.signal);
      await this.note().catch((err: unknown) => this.log.warn({ err }, 'what AI calls have used cannot be noted'));
      await this.keepSavings().catch(() => undefined);
      if (turn % LOOK_EVERY === 0) await this.endLapsed().catch(() => undefined);
      if (turn % FORGET_EVERY === 0) await this.store.forget(KEEP_DAYS, MOST_FORGOTTEN).catch(() => undefined);
    }
  }

  /** So that of a process that dies what was said last is known. Whoever cannot tell stops before he is taken for dead. */
  private async note(): Promise<void> {
    const open = [...this.open.values()];
    const began = performance.now();
    if (open.length === 0) {
      this.notedAt = began;
      return;
    }
    try {
      await this.settleDue(open);
      const calls = open.map(({ id, model, prompt, emitted }) => ({
        id,
        spent: prompt + emitted,
        costNanos: this.prices.nanosOf(model, { promptTokens: prompt, completionTokens: emitted }),
      }));
      const still = await this.store.note(calls);
      this.notedAt = began;
      for (const { id, over } of open) {
        const may = still.get(id);
        if (may !== true && this.open.has(id)) over.abort(may === false ? lockedOut() : lapsed());
      }
    } catch (fault) {
      if (performance.now() - this.notedAt > (this.store.rules.leaseSeconds * 1_000) / 2) for (const { over } of open) over.abort(lapsed());
      throw fault;
    }
  }

  /** What could not be settled when it was over. */
  private async settleDue(open: readonly OpenCall[]): Promise<void> {
    for (const { id, due } of open) {
      if (!due) continue;
      await this.store.settle(id, 'settled', due.spent, due.costNanos);
      this.open.delete(id);
    }
  }

  private async keepSavings(): Promise<void> {
    if (this.savings.size === 0) return;
    const savings = this.savings;
    this.savings = new Map();
    try {
      await this.store.addSavings([...savings.values()]);
    } catch (fault) {
      for (const { userId, model, hits, tokens } of savings.values()) {
        const since = this.savings.get(`${userId} ${model}`);
        this.savings.set(`${userId} ${model}`, { userId, model, hits: hits + (since?.hits ?? 0), tokens: tokens + (since?.tokens ?? 0) });
      }
      throw fault;
    }
  }

  private async endLapsed(): Promise<void> {
    for (const { id, spent } of await this.store.lapsed(MOST_LAPSED)) {
      if (await this.store.settle(id, 'lapsed', null, null))
        this.log.warn({ callId: id, spent }, 'an AI call whose process died was settled');
    }
  }
}

const leastOf = (completion: number): number => Math.min(completion, LEAST_COMPLETION);

type Least = Pick<Wanted, 'prompt' | 'leastCompletion' | 'price'>;

const fitsInto = (standing: Standing, { prompt, leastCompletion, price }: Least): boolean =>
  !isShort(standing, prompt + leastCompletion) && nanosLeft(standing) >= prompt * price.input + leastCompletion * price.output;

const lockedOut = () => new Refusal('unauthenticated', 'What you show is not valid any more.');
const lapsed = () => new Refusal('dependency_down', 'The budget cannot be kept at the moment. Try again in a moment.');

/** Why nothing was kept back. */
export class Exhausted extends Refusal {
  constructor(standing: Standing, wanted: Least, streams: boolean) {
    // It would fit once nothing is kept back for other calls any more.
    const passes = streams || fitsInto({ ...standing, reserved: 0, reservedNanos: 0 }, wanted);
    const [code, detail] = streams
      ? (['too_many_streams', MANY_STREAMS] as const)
      : (['token_budget_exhausted', shortOf(standing, wanted)] as const);
    super(code, detail, undefined, exhaustedHeaders(standing, passes));
  }
}

const MANY_STREAMS = 'As many streams of yours are open as may be at once. End one, or wait for one.';

function shortOf(standing: Standing, { prompt, leastCompletion }: Least): string {
  if (!isShort(standing, prompt + leastCompletion))
    return 'What this may cost is more than is left of the money for today, until the budget begins anew.';
  const kept = standing.reserved > 0 ? `, as ${standing.reserved} are kept back for calls under way` : '';
  return `This needs at least ${prompt + leastCompletion} tokens, and ${leftOf(standing)} are left until the budget begins anew${kept}.`;
}
