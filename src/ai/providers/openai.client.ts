import type { Readable } from 'node:stream';
import { BrokenCircuitError, circuitBreaker, CircuitState, ConsecutiveBreaker, handleType } from 'cockatiel';
import { Pool } from 'undici';
import { openFor } from '../../kernel/breaking.js';
import { backoffMs, DeadlinePassed, pause, retryAfterMs, within } from '../../kernel/waiting.js';
import type { Log } from '../../observability/log.js';
import { objectIn, problemOf, type Json } from './openai.answers.js';
import type { Errand, WholeErrand } from './openai.errands.js';
import { letGo, send, textOf } from './openai.exchange.js';
import { ProviderFault } from './provider.js';
import { eventsOf, TooLong } from './sse.js';

export type ProviderLog = Pick<Log, 'info' | 'warn' | 'error'>;

export interface OpenAIAccess {
  name: string;
  /** With its version, such as `https://api.openai.com/v1`. */
  baseUrl: string;
  apiKey?: string;
}

export const bounds = {
  connections: 50,
  connectMs: 1_500,
  /** Until an answer begins that is not streamed. */
  answerMs: 240_000,
  /** Until that to a recording begins, which takes longer the longer it is. */
  heardMs: 180_000,
  /** Until the first piece of a streamed one is there. */
  firstPieceMs: 30_000,
  /** Between two pieces, and for the rest of an answer that is not streamed. */
  idleMs: 20_000,
  mostAnswerBytes: 4 * 1024 * 1024,
  /** Of embeddings, which are many figures for each text. */
  mostEmbeddingsBytes: 20 * 1024 * 1024,
  mostEventBytes: 1024 * 1024,
  openMs: 5_000,
};
export type Bounds = typeof bounds;

const MOST_TRIES = 3;
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 2_000;
const FAILURES_TO_OPEN = 5;
const MOST_PROBLEM_BYTES = 64 * 1024;
// Shorter ones are words such as `ollama`, which an answer may well hold.
/** Frames and all: whoever says more says nothing. */
const MOST_STREAM_LETTERS = 64 * 1_024 * 1_024;
const TROUBLE_MS = 800;
const SHORTEST_SECRET = 16;

const away = (message: string, sent: boolean, details?: ProviderFault['details']) => new ProviderFault('away', message, sent, details);

/** One try, which ends with whoever wants it. */
class Attempt {
  sent = false;
  private readonly over = new AbortController();
  private readonly leave = () => this.over.abort();

  constructor(private readonly wanted: AbortSignal) {
    wanted.throwIfAborted();
    wanted.addEventListener('abort', this.leave);
  }

  get signal(): AbortSignal {
    return this.over.signal;
  }

  /** The whole try ends where the work fails, or takes too long. */
  async within<T>(ms: number, what: string, work: () => Promise<T>): Promise<T> {
    try {
      this.wanted.throwIfAborted();
      return await within(ms, what, work());
    } catch (fault) {
      this.end();
      this.wanted.throwIfAborted();
      throw faultOf(fault, this.sent);
    }
  }

  end(): void {
    this.letGo();
    this.over.abort();
  }

  /** What there is of it goes on without whoever wanted it. */
  letGo(): void {
    this.wanted.removeEventListener('abort', this.leave);
  }
}

/** Asks an API that speaks OpenAI's protocol. */
export class OpenAIClient {
  private readonly name: string;
  private readonly prefix: string;
  private readonly apiKey: string | undefined;
  private readonly pool: Pool;
  private readonly breaker;

  constructor(
    { name, baseUrl, apiKey }: OpenAIAccess,
    private readonly log: ProviderLog,
    private readonly bounds: Bounds,
  ) {
    const { origin, pathname } = new URL(baseUrl);
    this.name = name;
    this.prefix = pathname.replace(/\/+$/, '');
    this.apiKey = apiKey;
    // No times of its own: those of an attempt hold for its pieces, and stand still while nobody asks for one.
    this.pool = new Pool(origin, {
      connections: bounds.connections,
      connect: { timeout: bounds.connectMs },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.breaker = circuitBreaker(
      handleType(ProviderFault, ({ kind }) => kind === 'away'),
      { halfOpenAfter: openFor(bounds.openMs), breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN) },
    );
    this.breaker.onBreak(() => log.warn({ ai: name, ms: bounds.openMs }, 'the AI provider is away and is left alone for a while'));
    this.breaker.onReset(() => log.info({ ai: name }, 'the AI provider is back'));
  }

  /** A whole answer. */
  ask<T>(errand: WholeErrand<T>, signal: AbortSignal): Promise<T> {
    const most = this.bounds[errand.most];
    return this.insist(signal, async () => {
      const attempt = new Attempt(signal);
      const { body, type } = await attempt.within(this.bounds[errand.within], 'an answer', () => this.send(errand, attempt));
      const text = await attempt.within(this.bounds.idleMs, 'the rest of an answer', () => textOf(body, most));
      attempt.letGo();
      if (text === undefined) throw new ProviderFault(errand.longer, `an answer of more than ${most} bytes`, true);
      return errand.read(this.hidden(text), type);
    });
  }

  /** The pieces of a streamed answer. */
  async *stream(errand: Errand, signal: AbortSignal): AsyncGenerator<Json, void, void> {
    const { firstPieceMs, idleMs } = this.bounds;
    const { attempt, pieces, first } = await this.insist(signal, () => {
      const attempt = new Attempt(signal);
      return attempt.within(firstPieceMs, 'a first piece', async () => {
        const { body } = await this.send(errand, attempt);
        const pieces = this.piecesOf(body);
        const first = await pieces.next();
        if (first.done) throw away('a stream without a piece', true);
        return { attempt, pieces, first };
      });
    });
    let next: IteratorResult<Json, void> = first;
    try {
      while (!next.done) {
        yield next.value;
        next = await attempt.within(idleMs, 'a next piece', () => pieces.next());
      }
    } catch (fault) {
      if (signal.aborted || !(fault instanceof ProviderFault)) throw fault;
      this.log.warn({ ai: this.name, why: fault.message }, 'the AI provider broke off in the middle of an answer');
      throw new ProviderFault('cut', fault.message, true, fault.details);
    } finally {
      if (next.done) attempt.letGo();
      else attempt.end();
    }
  }

  async close(): Promise<void> {
    await this.pool.destroy();
  }

  /** Tries again where it said that it could not just now. */
  private async insist<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    let last: ProviderFault | undefined;
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.guarded(signal, work);
      } catch (fault) {
        signal.throwIfAborted();
        if (fault instanceof BrokenCircuitError) throw last ?? away('left alone after failures', false);
        if (!(fault instanceof ProviderFault) || fault.kind === 'refused') throw fault;
        const waitMs = tries < MOST_TRIES ? waitOf(fault, tries) : Infinity;
        if (waitMs > LONGEST_WAIT_MS) {
          this.log.warn({ ai: this.name, why: fault.message }, 'the AI provider did not answer as it should');
          throw last && !fault.sent ? away(fault.message, true, fault.details) : fault;
        }
        last = fault;
        await pause(waitMs, signal);
        signal.throwIfAborted();
      }
    }
  }

  private guarded<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    // While one finds out whether it is back, the others would be kept waiting for him.
    if (this.breaker.state === CircuitState.HalfOpen) throw new BrokenCircuitError();
    const first = this.breaker.state === CircuitState.Open;
    return this.breaker.execute(async () => {
      try {
        return await work();
      } catch (fault) {
        // Whoever leaves before he has found it out says nothing good of it.
        throw first && signal.aborted ? away('nobody waited for it', true) : fault;
      }
    });
  }

  private async send({ path, body: bytes, type, accepts }: Errand, attempt: Attempt): Promise<{ body: Readable; type: string }> {
    const headers = {
      accept: accepts.join(', '),
      'content-type': type,
      ...(this.apiKey !== undefined && { authorization: `Bearer ${this.apiKey}` }),
    };
    const request = { method: 'POST' as const, path: this.prefix + path, headers, body: bytes };
    const reply = await send(this.pool, request, attempt.signal, () => {
      attempt.sent = true;
    });
    const told = String(reply.headers['content-type']);
    const { status, body } = reply;
    if (status >= 300) throw await this.faultIn(reply);
    const kind = told.split(';')[0]!.trim().toLowerCase();
    if (!accepts.includes(kind)) throw away(`answered with ${status} and ${told.slice(0, 100)}`, true, { status });
    return { body, type: kind };
  }

  private async faultIn({ status, headers, body }: Awaited<ReturnType<typeof send>>): Promise<ProviderFault> {
    const ours = status === 401 || status === 403;
    if (status >= 400 && status < 500 && status !== 429 && !ours) {
      const told = await textOf(body, MOST_PROBLEM_BYTES).catch(() => undefined);
      const problem = problemOf(objectIn(this.hidden(told ?? '')));
      return new ProviderFault('refused', `answered with ${status}`, true, { status, body: problem });
    }
    await letGo(body);
    if (ours) this.log.error({ ai: this.name, status }, 'the AI provider does not take our key');
    return away(`answered with ${status}`, true, { status, retryAfterMs: retryAfterMs(headers['retry-after']) });
  }

  /** Why nobody should count on it; nothing where it is there. Costs nothing, and is no part of what opens the breaker. */
  async trouble(): Promise<string | undefined> {
    if (this.breaker.state === CircuitState.Open) return 'is left alone for a moment after failures';
    const attempt = new Attempt(new AbortController().signal);
    const headers = this.apiKey === undefined ? {} : { authorization: `Bearer ${this.apiKey}` };
    try {
      const asked = send(this.pool, { method: 'GET', path: `${this.prefix}/models`, headers }, attempt.signal, () => undefined);
      const { status, body } = await attempt.within(TROUBLE_MS, 'a list of models', () => asked);
      await letGo(body);
      if (status === 401 || status === 403) return 'does not take our key';
      return status >= 500 ? `answers with ${status}` : undefined;
    } catch {
      return 'does not answer';
    } finally {
      attempt.letGo();
    }
  }

  private async *piecesOf(body: Readable): AsyncGenerator<Json, void, void> {
    const events = eventsOf(body.iterator({ destroyOnReturn: false }), this.bounds.mostEventBytes);
    let left = MOST_STREAM_LETTERS;
    for (let next = await events.next(); ; next = await events.next()) {
      if (next.done) {
        if (!next.value) throw away('a stream without its end', true);
        await letGo(body);
        return;
      }
      left -= next.value.length;
      if (left < 0) throw away('a stream without an end', true);
      const piece = objectIn(this.hidden(next.value));
      if (!piece) throw away('a piece that is no JSON object', true);
      if (piece.error) throw away('an error in its stream', true, { body: problemOf(piece) });
      yield piece;
    }
  }

  /** A provider may say our key back. */
  private hidden(text: string): string {
    return this.apiKey && this.apiKey.length >= SHORTEST_SECRET ? text.replaceAll(this.apiKey, '[hidden]') : text;
  }
}

function faultOf(fault: unknown, sent: boolean): ProviderFault {
  if (fault instanceof ProviderFault) return fault;
  if (fault instanceof DeadlinePassed || fault instanceof TooLong) return away(fault.message, sent);
  const { name, code } = fault as Error & { code?: string };
  return away(`no answer: ${code ?? name}`, sent);
}

/** How long until it may be asked again; for ever where there is no use in it. */
function waitOf({ details: { status = 0, retryAfterMs: told } }: ProviderFault, tries: number): number {
  if (status !== 429 && status < 500) return Infinity;
  return told ?? backoffMs(FIRST_WAIT_MS, tries);
}
