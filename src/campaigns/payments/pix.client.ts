import type { SecureContextOptions } from 'node:tls';
import { BrokenCircuitError, circuitBreaker, CircuitState, ConsecutiveBreaker, handleType } from 'cockatiel';
import { Pool, type Dispatcher } from 'undici';
import { openFor } from '../../kernel/breaking.js';
import { Refusal } from '../../kernel/problems.js';
import { backoffMs, pause, retryAfterMs } from '../../kernel/waiting.js';
import type { Log } from '../../observability/log.js';
import { problemShape, tokenShape } from './pix.answers.js';
import { PixToken, type Fetched } from './pix.token.js';

export interface PixAccess {
  url: string;
  clientId: string;
  clientSecret: string;
  tls?: Pick<SecureContextOptions, 'cert' | 'key' | 'ca'>;
}

export interface Answer {
  /** Below 500. */
  status: number;
  body: unknown;
}

export type PixLog = Pick<Log, 'info' | 'warn' | 'error'>;

const CONNECTIONS = 50;
const CONNECT_MS = 1_500;
const ANSWER_MS = 4_000;
const MOST_BYTES = 256 * 1024;
const MOST_TRIES = 3;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 1_500;
const FAILURES_TO_OPEN = 5;
export const OPEN_MS = 5_000;

const scopes = 'cob.write cob.read pix.write pix.read';

/** It is away, or answers as nobody should. */
class Away extends Error {
  override readonly name = 'Away';
  constructor(
    message: string,
    readonly waitMs = 0,
  ) {
    super(message);
  }
}

/** It wants something else of us. */
class Unwanted extends Error {
  override readonly name = 'Unwanted';
  constructor(readonly answer: Answer) {
    super(`answered with ${answer.status}`);
  }
}

export const pixDown = () => new Refusal('dependency_down', 'The Pix provider does not answer as it should. Try again in a moment.');

/** Asks a bank's API Pix. Each question names what it makes, so that it may be asked again. */
export class PixClient {
  private readonly pool: Pool;
  private readonly prefix: string;
  private readonly basic: string;
  private readonly token = new PixToken(() => this.fetchToken());
  private readonly breaker = circuitBreaker(handleType(Away), {
    halfOpenAfter: openFor(OPEN_MS),
    breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
  });

  constructor(
    { url, clientId, clientSecret, tls }: PixAccess,
    private readonly log: PixLog,
  ) {
    const { origin, pathname } = new URL(url);
    this.prefix = pathname.replace(/\/+$/, '');
    this.basic = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;
    this.pool = new Pool(origin, {
      connections: CONNECTIONS,
      connect: { timeout: CONNECT_MS, ...tls },
      headersTimeout: ANSWER_MS,
      bodyTimeout: ANSWER_MS,
      maxResponseSize: MOST_BYTES,
    });
    this.breaker.onBreak(() => log.warn({ ms: OPEN_MS }, 'the Pix provider is away and is left alone for a while'));
    this.breaker.onReset(() => log.info('the Pix provider is back'));
  }

  async ask(method: 'GET' | 'PUT', path: string, signal: AbortSignal, body?: object): Promise<Answer> {
    for (let tries = 1; ; tries += 1) {
      try {
        // While one finds out whether it is back, the others would be kept waiting for him.
        if (this.breaker.state === CircuitState.HalfOpen) throw new BrokenCircuitError();
        return await this.breaker.execute(() => this.askOnce(method, path, signal, body));
      } catch (fault) {
        const waitMs = fault instanceof Away && tries < MOST_TRIES && !signal.aborted ? waitOf(fault, tries) : Infinity;
        if (waitMs > LONGEST_WAIT_MS) throw this.refusalFor(`${method} ${path}`, fault, signal);
        await pause(waitMs, signal);
      }
    }
  }

  /** Says what it did not want of us. */
  unwanted(what: string, { status, body }: Answer): Refusal {
    this.log.error({ pix: what, status, problem: problemShape.parse(body) }, 'the Pix provider refused what it was asked');
    return pixDown();
  }

  async close(): Promise<void> {
    await this.pool.destroy();
  }

  private refusalFor(what: string, fault: unknown, signal: AbortSignal): unknown {
    if (fault instanceof Unwanted) return this.unwanted('the sign-in', fault.answer);
    if (fault instanceof Away) this.log.warn({ pix: what, why: fault.message }, 'the Pix provider did not answer as it should');
    else if (!(fault instanceof BrokenCircuitError) && !signal.aborted) return fault;
    return pixDown();
  }

  private async askOnce(method: 'GET' | 'PUT', path: string, signal: AbortSignal, body?: object): Promise<Answer> {
    const first = await this.askWith(await this.tokenFor(signal), method, path, signal, body);
    if (first.status !== 401) return first;
    const second = await this.askWith(await this.tokenFor(signal), method, path, signal, body);
    if (second.status === 401) throw new Unwanted(second);
    return second;
  }

  private async tokenFor(signal: AbortSignal): Promise<string> {
    try {
      return await this.token.get(signal);
    } catch (fault) {
      throw fault === signal.reason ? unanswered(fault, signal) : fault;
    }
  }

  private async askWith(token: string, method: 'GET' | 'PUT', path: string, signal: AbortSignal, body?: object): Promise<Answer> {
    const answer = await this.send({
      method,
      path: this.prefix + path,
      headers: {
        accept: 'application/json, application/problem+json',
        authorization: `Bearer ${token}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      body: body && JSON.stringify(body),
      signal,
    });
    if (answer.status === 401) this.token.forget(token);
    return answer;
  }

  private async fetchToken(): Promise<Fetched> {
    const answer = await this.send({
      method: 'POST',
      path: `${this.prefix}/oauth/token`,
      headers: { accept: 'application/json', authorization: this.basic, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: scopes }).toString(),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    if (answer.status >= 300) throw new Unwanted(answer);
    const read = tokenShape.safeParse(answer.body);
    if (!read.success) throw new Away('no token in the answer');
    return { value: read.data.access_token, seconds: read.data.expires_in };
  }

  private async send(request: Dispatcher.RequestOptions & { signal: AbortSignal }): Promise<Answer> {
    const { status, headers, text } = await this.exchange(request);
    if (status === 429 || status >= 500) throw new Away(`answered with ${status}`, retryAfterMs(headers['retry-after']));
    const type = String(headers['content-type']);
    if (!/^application\/(problem\+)?json\b/i.test(type)) throw new Away(`answered with ${status} and ${type}`);
    try {
      return { status, body: JSON.parse(text) as unknown };
    } catch {
      throw new Away(`answered with ${status} and broken JSON`);
    }
  }

  private async exchange(request: Dispatcher.RequestOptions & { signal: AbortSignal }) {
    try {
      const { statusCode: status, headers, body } = await this.pool.request(request);
      return { status, headers, text: await body.text() };
    } catch (fault) {
      throw unanswered(fault, request.signal);
    }
  }
}

/** Whose time is over blames them; who leaves for another reason does not. */
function unanswered(fault: unknown, { aborted, reason }: AbortSignal): unknown {
  if (aborted) return isTimeout(reason) ? new Away('no answer in time') : fault;
  const { name, code } = fault as Error & { code?: string };
  return new Away(`no answer: ${code ?? name}`);
}

const isTimeout = (reason: unknown) => reason instanceof Error && reason.name === 'TimeoutError';

const waitOf = ({ waitMs }: Away, tries: number) => Math.max(waitMs, backoffMs(FIRST_WAIT_MS, tries));
