import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { request } from 'undici';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { randomHex } from '../kernel/ids.js';
import type { Log } from './log.js';
import { LOG } from './log.token.js';
import { type Trace, traceOf, within } from './trace.js';

/** As OpenTelemetry numbers them. */
const kinds = { internal: 1, server: 2, client: 3, consumer: 5 } as const;
type Kind = keyof typeof kinds;
type Attributes = Readonly<Record<string, string | number | boolean>>;

const MOST_WAITING = 4_096;
const MOST_AT_ONCE = 512;
const EVERY_MS = 2_000;
const DEADLINE_MS = 5_000;
const LAST_WORD_MS = 1_500;
const FAILED = 2;
const SAMPLED = '01';
const NANOS = 1_000_000n;

interface Call {
  trace: Trace;
  began: number;
  method: string;
  host: string;
  status?: number;
}

interface Exchange {
  request: { origin?: string | URL; method?: string };
  response?: { statusCode: number };
}

/**
 * Tells OpenTelemetry what was done for whom: requests, jobs, transactions, calls to others. Nothing where no endpoint is set.
 * What cannot be told in time is dropped: nobody waits for it.
 */
@Injectable()
export class Spans implements OnModuleInit, OnApplicationShutdown {
  readonly on: boolean;
  private readonly waiting: object[] = [];
  private readonly calls = new WeakMap<object, Call>();
  private timer: NodeJS.Timeout | undefined;
  private telling: Promise<void> | undefined;
  private failing = false;
  private readonly resource: object;

  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'OTEL_EXPORTER_OTLP_ENDPOINT' | 'APP_ROLE'>,
    @Inject(LOG) private readonly log: Log,
  ) {
    this.on = config.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined;
    this.resource = {
      attributes: told({ 'service.name': 'mutirao', 'service.instance.id': String(process.pid), 'mutirao.role': config.APP_ROLE }),
    };
  }

  onModuleInit(): void {
    if (!this.on) return;
    this.timer = setInterval(() => void this.tell(), EVERY_MS).unref();
    for (const [name, hear] of this.channels) subscribe(name, hear);
  }

  async onApplicationShutdown(): Promise<void> {
    if (!this.on) return;
    clearInterval(this.timer);
    for (const [name, hear] of this.channels) unsubscribe(name, hear);
    await this.telling;
    if (this.waiting.length > 0) await this.tell(LAST_WORD_MS);
  }

  /** Work of ours within what is done now; what it begins belongs to it. */
  around<T>(name: string, kind: Kind, attributes: Attributes, work: () => Promise<T>): Promise<T> {
    const outer = this.on ? traceOf() : undefined;
    return outer ? this.within(outer, name, kind, attributes, work) : work();
  }

  private async within<T>(outer: Trace, name: string, kind: Kind, attributes: Attributes, work: () => Promise<T>): Promise<T> {
    const trace = { ...outer, span: randomHex(16), parent: outer.span };
    const began = Date.now();
    try {
      const result = await within(trace, work);
      this.add(trace, name, kind, began, attributes);
      return result;
    } catch (fault) {
      this.add(trace, name, kind, began, attributes, true);
      throw fault;
    }
  }

  /** Something that has just ended. */
  add(trace: Trace, name: string, kind: Kind, began: number, attributes: Attributes, failed = false): void {
    if (!this.on || trace.flags !== SAMPLED || this.waiting.length >= MOST_WAITING) return;
    this.waiting.push({
      traceId: trace.traceId,
      spanId: trace.span,
      ...(trace.parent && { parentSpanId: trace.parent }),
      name,
      kind: kinds[kind],
      startTimeUnixNano: nanos(began),
      endTimeUnixNano: nanos(Date.now()),
      attributes: told({ ...attributes, 'mutirao.request_id': trace.requestId }),
      status: failed ? { code: FAILED } : {},
    });
  }

  private tell(ms = DEADLINE_MS): Promise<void> {
    if (this.waiting.length === 0) return Promise.resolve();
    this.telling ??= this.send(this.waiting.splice(0, MOST_AT_ONCE), ms).finally(() => (this.telling = undefined));
    return this.telling;
  }

  private async send(spans: object[], ms: number): Promise<void> {
    const body = JSON.stringify({ resourceSpans: [{ resource: this.resource, scopeSpans: [{ scope: { name: 'mutirao' }, spans }] }] });
    try {
      const { statusCode, body: answer } = await request(`${this.config.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, '')}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(ms),
      });
      await answer.dump();
      if (statusCode >= 300) throw new Error(`it answered ${statusCode}`);
      this.failing = false;
    } catch (err) {
      if (!this.failing) this.log.warn({ err }, 'traces are dropped: the collector does not take them');
      this.failing = true;
    }
  }

  /** Calls to others, by what the client of HTTP tells of itself. Of an address only the host: the rest may be a secret. */
  private readonly channels: readonly (readonly [string, (message: unknown) => void])[] = [
    ['undici:request:create', (message) => this.called((message as Exchange).request)],
    ['undici:request:headers', (message) => this.answered(message as Exchange)],
    ['undici:request:trailers', (message) => this.ended((message as Exchange).request, false)],
    ['undici:request:error', (message) => this.ended((message as Exchange).request, true)],
  ];

  private called(asked: Exchange['request']): void {
    const outer = traceOf();
    if (!outer) return;
    const host = URL.canParse(String(asked.origin)) ? new URL(String(asked.origin)).host : '';
    const trace = { ...outer, span: randomHex(16), parent: outer.span };
    this.calls.set(asked, { trace, began: Date.now(), method: asked.method ?? 'GET', host });
  }

  private answered({ request: asked, response }: Exchange): void {
    const call = this.calls.get(asked);
    if (call && response) call.status = response.statusCode;
  }

  private ended(asked: Exchange['request'], failed: boolean): void {
    const call = this.calls.get(asked);
    if (!call) return;
    this.calls.delete(asked);
    const { trace, began, method, host, status = 0 } = call;
    const facts = { 'http.request.method': method, 'server.address': host, 'http.response.status_code': status };
    this.add(trace, `${method} ${host}`, 'client', began, facts, failed || status >= 400);
  }
}

const nanos = (ms: number) => String(BigInt(ms) * NANOS);

const told = (attributes: Attributes) =>
  Object.entries(attributes).map(([key, value]) => ({
    key,
    value:
      typeof value === 'number'
        ? { intValue: String(Math.round(value)) }
        : typeof value === 'boolean'
          ? { boolValue: value }
          : { stringValue: value },
  }));
