import { Inject, Injectable } from '@nestjs/common';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { Budget, type OpenCall } from './budget/budget.service.js';
import type { Standing } from './budget/budget.store.js';
import { Prices } from './budget/prices.js';
import { fewestTokensIn, mostTokensOf, promptTokensOf, wishedOf } from './counting.js';
import { PaidCalls, TOTAL_MS } from './paid-calls.service.js';
import { soon } from './soon.js';
import { Tokenizers, type Count } from './tokenizers.js';
import { NO_USAGE, openaiUsage, PROVIDER, type ChatBody, type ChatPiece, type Provider, type Usage } from './providers/provider.js';

/** Who asks what; `over` ends when nobody is there any more. */
export interface Question {
  userId: string;
  asked: Readonly<Record<string, unknown>> & { model?: string; max_tokens?: number | null; max_completion_tokens?: number | null };
  over: AbortController;
}

export interface Answer {
  body: Record<string, unknown>;
  usage: Usage;
  standing: Standing;
  /** Whether it may have less than was asked for, as less was left. */
  isCut: boolean;
}

export interface AnswerStream {
  pieces: AsyncGenerator<ChatPiece, void, void>;
  standing: Standing;
  isCut: boolean;
}

/** The one way to a provider: nobody comes to it whose tokens were not kept back before. */
@Injectable()
export class Gateway {
  constructor(
    private readonly calls: PaidCalls,
    private readonly budget: Budget,
    private readonly prices: Prices,
    private readonly tokenizers: Tokenizers,
    @Inject(PROVIDER) private readonly provider: Provider,
    @Inject(LOG) private readonly log: Log,
  ) {}

  async answer(question: Question): Promise<Answer> {
    const { given, limit, completion, prompt, count = mostTokensOf } = this.understood(question);
    const { answer, ...paid } = await this.calls.make({
      ...{ userId: question.userId, model: given.model, prompt, completion, over: question.over },
      ask: (signal, call) => this.provider.chat({ ...given, ...upTo(call, limit) }, signal),
      guess: ({ body }) => ({ promptTokens: prompt, completionTokens: count(JSON.stringify(body.choices ?? '')) }),
    });
    return { body: answer.body, ...paid };
  }

  /** Its first piece has come when this resolves, or is long in coming. Whoever does not read to the end has to return early. */
  async stream(question: Question): Promise<AnswerStream> {
    const { given, limit, completion, prompt, count } = this.understood(question);
    this.prices.check(given.model);
    const call = await this.budget.reserve(
      { userId: question.userId, model: given.model, streaming: true, prompt, completion },
      question.over,
    );
    const pieces = this.counted(call, { ...given, ...upTo(call, limit) }, count);
    const first = pieces.next();
    await soon(first);
    const end = () => void pieces.return().catch(() => undefined);
    if (call.over.signal.aborted) end();
    // A generator that nobody asks for its next piece does not hear that nobody will.
    else call.over.signal.addEventListener('abort', end);
    return { standing: call.standing, isCut: call.isCut, pieces: withFirst(first, pieces) };
  }

  modelOf({ model }: Question['asked']): string {
    return model ?? this.provider.model;
  }

  /** What goes to the provider, but for the limit that is known when it is kept back. */
  private understood({ asked }: Question) {
    const given = { ...asked, model: this.modelOf(asked) };
    const count = this.tokenizers.for(given.model);
    return { given, count, ...wishedOf(asked), prompt: promptTokensOf(given, count) };
  }

  /** Ends where its reservation does, whatever the provider goes on to send. */
  private async *counted(call: OpenCall, body: ChatBody, count?: Count): AsyncGenerator<ChatPiece, void, void> {
    const timer = setTimeout(() => call.over.abort(new DOMException('over', 'TimeoutError')), TOTAL_MS);
    let last: ChatPiece | undefined;
    // What it said it had used before it went on is no word about what came after.
    let told: { usage: Usage; isLast: boolean } | undefined;
    let isWhole = false;
    let wasRead = true;
    let cut = false;
    let texts = 0;
    let said = '';
    try {
      for await (const piece of this.provider.stream(body, call.over.signal)) {
        told = piece.usage ? { usage: piece.usage, isLast: piece.text === '' } : piece.text === '' ? told : undefined;
        if (piece.text !== '') {
          call.emitted += mostTokensOf(piece.text);
          texts += 1;
          if (count) said += piece.text;
        }
        if (Math.max(texts, fewestTokensIn(call.emitted)) > call.completion) {
          this.log.warn({ callId: call.id, model: call.model }, 'the AI provider went on beyond what it was allowed, and was cut off');
          cut = true;
          break;
        }
        last = piece;
        yield piece;
      }
      isWhole = !cut;
      if (cut) yield* ending(call, last);
    } catch (fault) {
      wasRead = call.emitted > 0 || isLeft(call);
      throw this.calls.explained(fault);
    } finally {
      clearTimeout(timer);
      const completionTokens = count ? count(said) : call.emitted;
      const usage = isWhole || told?.isLast ? told?.usage : undefined;
      const spent = usage ?? (wasRead ? { promptTokens: call.prompt, completionTokens } : NO_USAGE);
      await this.budget.settle(call, spent, last?.model);
    }
  }
}

/** What a stream that was cut ends with, as one that has come to its bound by itself does. */
function* ending(call: OpenCall, last: ChatPiece | undefined): Generator<ChatPiece, void, void> {
  if (!last) return;
  const { id, created, model } = last.body;
  const head = { id, object: 'chat.completion.chunk', created, model };
  const usage = { promptTokens: call.prompt, completionTokens: Math.min(call.emitted, call.completion) };
  yield { body: { ...head, choices: [{ index: 0, delta: {}, finish_reason: 'length' }] }, text: '' };
  yield { body: { ...head, choices: [], usage: openaiUsage(usage) }, text: '', usage };
}

/** Under the name that was used for it, and no other: nobody knows which of two a provider takes. */
const upTo = ({ completion }: OpenCall, limit: string) => ({
  max_tokens: undefined,
  max_completion_tokens: undefined,
  [limit]: completion,
});

const isLeft = ({ over }: OpenCall) => over.signal.aborted;

async function* withFirst(first: Promise<IteratorResult<ChatPiece, void>>, rest: AsyncGenerator<ChatPiece, void, void>): typeof rest {
  try {
    const { done, value } = await first;
    if (done) return;
    yield value;
    yield* rest;
  } finally {
    await rest.return();
  }
}
