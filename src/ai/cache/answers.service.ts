import { Injectable } from '@nestjs/common';
import { Transactions } from '../../database/transactions.js';
import { Cache } from '../../http/cache/cache.service.js';
import { Refusal } from '../../kernel/problems.js';
import { Audit } from '../../users/audit.service.js';
import { Budget, Exhausted } from '../budget/budget.service.js';
import type { Standing } from '../budget/budget.store.js';
import { Gateway, type AnswerStream, type Question } from '../gateway.service.js';
import { NO_USAGE, openaiUsage, type ChatPiece, type Usage } from '../providers/provider.js';
import { wordsOfPieces } from '../providers/words.of.pieces.js';
import { Flights, type Flight } from './flights.js';
import { AI_TAG, KeptAnswers, MOST_BYTES, type KeptAnswer } from './kept.answers.js';
import { KnownWords } from './known.words.js';
import { keyOf } from './question.key.js';

/** Whether an answer came from what is kept; nothing where it may not be kept. */
export type Cached = 'HIT' | 'MISS' | undefined;

export interface WholeAnswer {
  /** As it is sent, where it is kept. */
  bytes?: Buffer;
  readonly body: Record<string, unknown>;
  usage: Usage;
  standing: Standing;
  cached: Cached;
}

export interface StreamedAnswer {
  pieces: AsyncGenerator<ChatPiece, void, void>;
  standing: Standing;
  cached: Cached;
}

type Keep = (made: string, tokens: number) => Promise<void>;

/** What controllers ask: the gateway, behind what is kept of it. */
@Injectable()
export class Answers {
  constructor(
    private readonly gateway: Gateway,
    private readonly kept: KeptAnswers,
    private readonly flights: Flights,
    private readonly budget: Budget,
    private readonly transactions: Transactions,
    private readonly cache: Cache,
    private readonly audit: Audit,
    private readonly words: KnownWords,
  ) {}

  /** `text`: the words in which it was asked, where they are all there is to the question. */
  async answer(question: Question, keeps: boolean, text?: string): Promise<WholeAnswer> {
    if (!keeps) return { ...(await this.gateway.answer(question)), cached: undefined };
    const name = this.nameOf(question, false);
    const joined = await this.flights.join(name, question.over.signal, () => this.kept.find(name));
    if ('found' in joined) {
      this.words.note(text, { name, model: this.gateway.modelOf(question.asked) });
      return this.hit(question, joined.found);
    }
    const { flight } = joined;
    if (!flight) return { ...(await this.gateway.answer(question)), cached: 'MISS' };
    return led(flight, question, async () => {
      const keep = await this.kept.begin(name);
      const { isCut, ...answer } = await this.gateway.answer(question);
      const { body, usage } = answer;
      const made = JSON.stringify({ ...body, usage: openaiUsage(NO_USAGE) });
      if (!isCut && isEnded(body) && made.length <= MOST_BYTES) await keep(made, usage.promptTokens + usage.completionTokens);
      else flight.isAlone = true;
      flight.end();
      return { ...answer, cached: 'MISS' };
    });
  }

  /** Whoever does not read to the end has to return early. */
  async stream(question: Question, keeps: boolean): Promise<StreamedAnswer> {
    if (!keeps) return { ...(await this.gateway.stream(question)), cached: undefined };
    const name = this.nameOf(question, true);
    const joined = await this.flights.join(name, question.over.signal, () => this.kept.find(name));
    if ('found' in joined) {
      const { standing, cached } = await this.hit(question, joined.found);
      return { standing, cached, pieces: replayed(joined.found) };
    }
    const { flight } = joined;
    if (!flight) return { ...(await this.gateway.stream(question)), cached: 'MISS' };
    return led(flight, question, async () => {
      const keep = await this.kept.begin(name);
      const stream = await this.gateway.stream(question);
      // Whoever leaves may never have asked for the first piece.
      question.over.signal.addEventListener('abort', () => flight.end());
      return { standing: stream.standing, cached: 'MISS', pieces: recorded(stream, flight, keep) };
    });
  }

  /** Whatever is kept counts no more: here at once, in other processes within two seconds. */
  async purge(actorId: string): Promise<{ purgedAt: string }> {
    await this.transactions.run(async (tx) => {
      this.cache.drop(tx, [AI_TAG]);
      await this.audit.note(tx, 'ai_cache_purged', { actorId }, {});
    });
    return { purgedAt: new Date().toISOString() };
  }

  private async hit({ userId, asked }: Question, { bytes, tokens }: KeptAnswer): Promise<WholeAnswer> {
    this.budget.saved(userId, this.gateway.modelOf(asked), tokens);
    const standing = await this.budget.lately(userId);
    const body = () => JSON.parse(bytes.toString()) as Record<string, unknown>;
    return {
      bytes,
      usage: NO_USAGE,
      standing,
      cached: 'HIT',
      get body() {
        return body();
      },
    };
  }

  private nameOf({ asked }: Question, streaming: boolean): string {
    return `ai:${keyOf({ ...asked, model: this.gateway.modelOf(asked) }, streaming)}`;
  }
}

/** What fails for the one who asks fails for those who wait, too, unless it is his own affair. */
async function led<T>(flight: Flight, { over }: Question, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (fault) {
    flight.end(over.signal.aborted ? undefined : sharedBy(fault));
    throw fault;
  }
}

const sharedBy = (fault: unknown): Error | undefined => (fault instanceof Refusal && !(fault instanceof Exhausted) ? fault : undefined);

async function* recorded({ pieces, isCut }: AnswerStream, flight: Flight, keep: Keep): AsyncGenerator<ChatPiece, void, void> {
  let recording: string[] | undefined = [];
  let room = MOST_BYTES;
  let ended = false;
  let tokens = 0;
  try {
    for await (const piece of pieces) {
      const { body, usage } = piece;
      if (recording) {
        const text = JSON.stringify(body.usage ? { ...body, usage: openaiUsage(NO_USAGE) } : body);
        room -= text.length;
        if (room < 0) recording = undefined;
        else recording.push(text);
      }
      ended ||= isEnded(body);
      if (usage) tokens = usage.promptTokens + usage.completionTokens;
      flight.rests(true);
      yield piece;
      flight.rests(false);
    }
    if (!isCut && ended && recording) await keep(`[${recording.join(',')}]`, tokens);
    else flight.isAlone = true;
  } catch (fault) {
    flight.end(sharedBy(fault));
    throw fault;
  } finally {
    flight.end();
  }
}

async function* replayed({ bytes }: KeptAnswer): AsyncGenerator<ChatPiece, void, void> {
  const wordsOf = wordsOfPieces(false);
  for (const body of JSON.parse(bytes.toString()) as Record<string, unknown>[])
    yield { body, text: wordsOf(body), ...(body.usage ? { usage: NO_USAGE } : {}) };
}

/** Whether it says itself why it has ended. */
const isEnded = ({ choices }: Record<string, unknown>): boolean =>
  Array.isArray(choices) && choices.some((choice: { finish_reason?: unknown } | null) => choice?.finish_reason);
