import { Inject, Injectable } from '@nestjs/common';
import { Refusal } from '../kernel/problems.js';
import { inTime } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { Budget, type OpenCall } from './budget/budget.service.js';
import type { Standing } from './budget/budget.store.js';
import { Prices } from './budget/prices.js';
import { NO_USAGE, ProviderFault, type Usage } from './providers/provider.js';

export const TOTAL_MS = 300_000;

/** What somebody wants of a provider, and the most that it may cost. */
export interface PaidCall<T> {
  userId: string;
  model: string;
  prompt: number;
  completion: number;
  alone?: boolean;
  /** Ends when nobody is there any more. */
  over: AbortController;
  ask: (over: AbortSignal, call: OpenCall) => Promise<T>;
  /** Where the provider does not say what it used. */
  guess: (answer: T, call: OpenCall) => Usage;
}

export interface Paid<T> {
  answer: T;
  usage: Usage;
  standing: Standing;
  /** Whether it may have less than was asked for, as less was left. */
  isCut: boolean;
}

/** Calls whose worst case is kept back before, and whose cost is settled after. */
@Injectable()
export class PaidCalls {
  constructor(
    private readonly budget: Budget,
    private readonly prices: Prices,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** A look before anything is taken in; what it finds may be otherwise a moment later. */
  async mustFit(userId: string, model: string, tokens: number): Promise<void> {
    this.budget.mustFit(await this.budget.standing(userId), model, tokens);
  }

  async make<T extends { usage?: Usage; model?: string }>({ ask, guess, over, ...wanted }: PaidCall<T>): Promise<Paid<T>> {
    this.prices.check(wanted.model);
    const call = await this.budget.reserve({ ...wanted, streaming: false }, over);
    let answer: T;
    let usage: Usage;
    try {
      answer = await inTime(TOTAL_MS, over.signal, (signal) => ask(signal, call));
      usage = answer.usage ?? guess(answer, call);
    } catch (fault) {
      // Of what it fails to answer a provider takes nothing; but it has read what somebody does not wait for, and has made what is too long.
      const wasRead = over.signal.aborted || isTimeout(fault);
      const all = { promptTokens: call.prompt, completionTokens: call.completion };
      await this.budget.settle(call, isCut(fault) ? all : wasRead ? { ...all, completionTokens: 0 } : NO_USAGE);
      if (isCut(fault)) throw new Refusal('ai_request_refused', `The provider gave ${(fault as Error).message}. Ask for less at once.`);
      throw this.explained(fault);
    }
    return { answer, usage, standing: await this.budget.settle(call, usage, answer.model), isCut: call.isCut };
  }

  /** In the words of a problem. */
  explained(fault: unknown): unknown {
    if (isTimeout(fault)) return new Refusal('dependency_down', 'The AI provider took too long.');
    if (!(fault instanceof ProviderFault)) return fault;
    if (fault.kind === 'refused') return new Refusal('ai_request_refused', saidOf(fault) ?? fault.message);
    this.log.warn({ why: fault.message, kind: fault.kind, status: fault.details.status }, 'the AI provider did not answer as it should');
    return new Refusal('dependency_down', 'No AI provider answers as it should. Try again in a moment.');
  }
}

const isTimeout = (fault: unknown) => fault instanceof Error && fault.name === 'TimeoutError';
const isCut = (fault: unknown) => fault instanceof ProviderFault && fault.kind === 'cut';

/** The words of the provider itself, which are short and hold no key: its caller is the one who can mend it. */
const saidOf = ({ details }: ProviderFault) => (details.body as { error?: { message?: string } } | undefined)?.error?.message;
