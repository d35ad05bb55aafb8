import type { Server, Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { counter, type Family, gauge, labelled, type Row } from '../observability/figures.js';

const BOUNDS_MS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_000, 2_500, 5_000, 10_000, 30_000];
export const REQUEST_BOUNDS_SECONDS: readonly number[] = BOUNDS_MS.map((ms) => ms / 1_000);
const SUM = BOUNDS_MS.length + 1;
/** What met no route has no name: addresses are without number. */
const NO_ROUTE = 'unknown';
const OTHER_METHOD = 'other';
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** How many requests of a connection are under way. */
const OPEN = Symbol('open requests');

type Connection = Socket & { [OPEN]?: number };

declare module 'fastify' {
  interface FastifyInstance {
    requests: Requests;
  }
  interface FastifyContextConfig {
    times?: Times;
  }
}

/** How often a route answered with a status, and how soon. */
class Times {
  private readonly byStatus = new Map<number, Float64Array>();

  constructor(
    private readonly method: string,
    private readonly route: string,
  ) {}

  get rows(): Row[] {
    return [...this.byStatus].map(([status, counts]) => [
      labelled({ method: this.method, route: this.route, status: String(status) }),
      [...counts.subarray(0, SUM), counts[SUM]! / 1_000],
    ]);
  }

  note(status: number, ms: number): void {
    const counts = this.byStatus.get(status) ?? this.first(status);
    let at = 0;
    while (at < BOUNDS_MS.length && ms > BOUNDS_MS[at]!) at += 1;
    counts[at]! += 1;
    counts[SUM]! += ms;
  }

  private first(status: number): Float64Array {
    const counts = new Float64Array(SUM + 1);
    this.byStatus.set(status, counts);
    return counts;
  }
}

/** Counts the requests of this process. Each costs a few additions: its route knows where to. */
export class Requests {
  private readonly all: Times[] = [];
  private readonly lost = new Map<string, Times>();
  private readonly unreadable = new Map<number, number>();
  private inFlight = 0;

  /** A connection that ends takes what was asked on it along. */
  watch(server: Server): void {
    server.on('connection', (socket) => {
      const connection: Connection = socket;
      // From the beginning, as an object that gains a field while it is in use is slower from then on.
      connection[OPEN] = 0;
      socket.once('close', () => {
        this.inFlight -= connection[OPEN] ?? 0;
        connection[OPEN] = 0;
      });
    });
  }

  begin({ raw }: FastifyRequest): void {
    const connection: Connection = raw.socket;
    connection[OPEN] = (connection[OPEN] ?? 0) + 1;
    this.inFlight += 1;
  }

  end({ raw, route, method }: FastifyRequest, status: number, ms: number): void {
    const connection: Connection = raw.socket;
    const open = connection[OPEN] ?? 0;
    if (open > 0) {
      connection[OPEN] = open - 1;
      this.inFlight -= 1;
    }
    const times = route.url === undefined ? this.ofLost(method) : (route.config.times ??= this.open(method, route.url));
    times.note(status, ms);
  }

  /** For what never became a request. */
  unread(status: number): void {
    this.unreadable.set(status, (this.unreadable.get(status) ?? 0) + 1);
  }

  families(): Family[] {
    const unread = [...this.unreadable].map(([status, count]) => [{ status: String(status) }, count] as const);
    return [
      {
        name: 'mutirao_http_request_duration_seconds',
        help: 'Time from a request to the end of its answer',
        type: 'histogram',
        join: 'sum',
        bounds: REQUEST_BOUNDS_SECONDS,
        rows: this.all.flatMap(({ rows }) => rows),
      },
      gauge('mutirao_http_requests_in_flight', 'Requests that are not answered yet', this.inFlight),
      counter('mutirao_http_unreadable_total', 'What came and was no request', unread),
    ];
  }

  private ofLost(given: string): Times {
    const method = METHODS.has(given) ? given : OTHER_METHOD;
    const times = this.lost.get(method) ?? this.open(method, NO_ROUTE);
    this.lost.set(method, times);
    return times;
  }

  private open(method: string, route: string): Times {
    const times = new Times(method, route);
    this.all.push(times);
    return times;
  }
}
