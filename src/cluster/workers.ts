import cluster, { type Worker } from 'node:cluster';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.js';
import { Backoff } from '../embedded/backoff.js';
import { pause } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';

const CONFIG_FAULT = 78;
/** How long background work may go on for the sake of requests that are being finished. */
const REQUESTS_FIRST_MS = 3_000;
const LOOK_MS = 1_000;
const SILENT_MS = 10_000;

type Part = Config['part'];
type Message = { kind: 'ready'; url?: string } | { kind: 'alive' } | { kind: 'retire' } | { kind: 'closed' };

interface Member {
  worker: Worker;
  ready: Promise<true>;
  /** Why it ended. */
  gone: Promise<string>;
  /** When it last said a word, since it is ready. */
  heard?: number;
}

interface Place {
  part: Part;
  member?: Member;
  /** Cuts the wait before the next try short. */
  wait?: AbortController;
}

/** The processes: as many as wanted, replaced when they end, stopped in order. */
export class Workers {
  private readonly places: Place[];
  private readonly members = new Set<Member>();
  private readonly closed = new Set<Member>();
  /** Those that answer requests when all are stopped. */
  private doors: Member[] = [];
  private readonly watches: boolean;
  private stopping = false;
  private url: string | undefined;

  constructor(
    parts: readonly Part[],
    private readonly environment: (part: Part) => Record<string, string>,
    args: string[],
    private readonly log: Log,
    private readonly giveUp: (code: number) => void,
  ) {
    this.places = parts.map((part) => ({ part }));
    // Under development it may be a person who looks at it in a debugger.
    this.watches = !args.includes('--watch');
    cluster.setupPrimary({ exec: fileURLToPath(new URL('../main.js', import.meta.url)), args });
  }

  /** Resolves with their address when all are ready, however often some had to be started again. */
  async start(): Promise<string | undefined> {
    await Promise.all(this.places.map((place) => new Promise<void>((ready) => void this.keep(place, ready))));
    if (this.watches) this.watch();
    return this.url;
  }

  /** New processes for old, one after the other, without a moment in which nobody answers. */
  async renew(): Promise<void> {
    for (const place of this.places) {
      if (place.member) await this.replace(place, place.member);
      else place.wait?.abort();
    }
  }

  /** Requests are finished first; what they leave to do is still taken on. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const { wait } of this.places) wait?.abort();
    const last = this.places.filter(({ part }) => part === 'background').map(({ member }) => member);
    const first = [...this.members].filter((member) => !last.includes(member));
    this.doors = first;
    for (const { worker } of first) worker.process.kill('SIGTERM');
    const finished = Promise.all(first.map(({ gone }) => gone));
    await Promise.race([finished, pause(REQUESTS_FIRST_MS)]);
    for (const member of last) member?.worker.process.kill('SIGTERM');
    await Promise.all([...this.members].map(({ gone }) => gone));
  }

  kill(): void {
    for (const { worker } of this.members) worker.process.kill('SIGKILL');
  }

  /** A process that stands still leaves everyone waiting whose connection it was given. */
  private watch(): void {
    let looked = performance.now();
    setInterval(() => {
      const now = performance.now();
      // Where it was this process that stood still, their words are yet to be read.
      const awake = now - looked < 2 * LOOK_MS;
      looked = now;
      for (const { worker, heard = now } of this.members) {
        if (!awake || now - heard < SILENT_MS) continue;
        this.log.error({ pid: worker.process.pid, silentMs: Math.round(now - heard) }, 'a process stands still, ending it');
        worker.process.kill('SIGKILL');
      }
    }, LOOK_MS).unref();
  }

  private async keep(place: Place, ready: () => void): Promise<void> {
    const backoff = new Backoff();
    let began: number;
    let reason: string;
    do {
      began = Date.now();
      place.member = this.fork(place);
      void place.member.ready.then(ready);
      reason = await lastWord(place);
      place.member = undefined;
    } while (await this.another(place, reason, backoff.next(Date.now() - began)));
  }

  private async another(place: Place, reason: string, waitMs: number): Promise<boolean> {
    if (this.stopping) return false;
    this.log.error({ process: place.part, reason, waitMs }, 'a process ended, another takes its place');
    place.wait = new AbortController();
    await pause(waitMs, place.wait.signal);
    return !this.stopping;
  }

  private fork(place: Place): Member {
    const worker = cluster.fork(this.environment(place.part));
    const ready = new Promise<true>((resolve) => {
      worker.on('message', (message: Message) => {
        if (member.heard !== undefined || message.kind === 'ready') member.heard = performance.now();
        if (message.kind === 'closed') this.doorClosed(member);
        if (message.kind === 'retire' && place.member?.worker === worker) void this.replace(place, place.member);
        if (message.kind !== 'ready') return;
        this.url ??= message.url;
        resolve(true);
      });
    });
    const gone = new Promise<string>((resolve) => {
      worker.once('exit', (code: number, signal: string | null) => {
        if (code === CONFIG_FAULT) this.giveUp(code);
        resolve(signal ?? `code ${code}`);
      });
      worker.on('error', (fault) => {
        if (worker.process.pid === undefined) resolve(fault.message);
      });
    });
    const member: Member = { worker, ready, gone };
    this.members.add(member);
    void gone.then(() => {
      this.members.delete(member);
      this.tellClosed();
    });
    return member;
  }

  // What a process sends arrives in order: when its word comes, its door is closed here, too.
  private doorClosed(member: Member): void {
    this.closed.add(member);
    if (this.stopping) this.tellClosed();
    else member.worker.send({ kind: 'closed' });
  }

  /** While all stop, none answers until all doors are closed: whoever is answered comes again at once. */
  private tellClosed(): void {
    if (!this.stopping || this.doors.some((member) => this.members.has(member) && !this.closed.has(member))) return;
    for (const { worker } of this.closed) if (worker.isConnected()) worker.send({ kind: 'closed' });
    this.closed.clear();
  }

  private async replace(place: Place, old: Member): Promise<void> {
    if (this.stopping) return;
    const fresh = this.fork(place);
    const outcome = await Promise.race([fresh.ready, fresh.gone]);
    if (outcome === true && place.member === old) {
      place.member = fresh;
      old.worker.process.kill('SIGTERM');
      await old.gone;
    } else if (outcome === true) {
      fresh.worker.process.kill('SIGTERM');
    } else {
      this.log.error({ process: place.part, reason: outcome }, 'the new process did not come up, the old one stays');
    }
  }
}

async function lastWord(place: Place): Promise<string> {
  for (;;) {
    const { member } = place;
    const reason = (await member?.gone) ?? '';
    if (place.member === member) return reason;
  }
}
