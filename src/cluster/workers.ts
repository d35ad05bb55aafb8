import cluster, { type Worker } from 'node:cluster';
import type { Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.js';
import { Backoff } from '../embedded/backoff.js';
import { pause } from '../kernel/waiting.js';
import type { FiguresTold } from '../observability/figures.js';
import type { Log } from '../observability/log.js';
import { Gathering } from './gathering.js';
import { markOf } from './left-standing.js';

const CONFIG_FAULT = 78;
/** How long background work may go on for the sake of requests that are being finished. */
const REQUESTS_FIRST_MS = 3_000;
const LOOK_MS = 1_000;
const SILENT_MS = 10_000;
const MORE_ENTRANCES = 7;
/** All that it needs is loaded in one turn, which takes a slow machine long. Whoever waits for a database says so every second. */
const SILENT_AT_START_MS = 120_000;
/** Between the beginnings of processes: all at once would each take the time of the others, and the database's. */
const STAGGER_MS = 250;

type Part = Config['part'];
type Message =
  | { kind: 'ready'; url?: string }
  | { kind: 'alive' }
  | { kind: 'entrance' }
  | { kind: 'retire'; reason: string }
  | { kind: 'closed' }
  | FiguresTold;

interface Member {
  worker: Worker;
  /** Of its place: whoever comes after it has the same. */
  name: string;
  ready: Promise<true>;
  /** Why it ended. */
  gone: Promise<string>;
  /** When it last said a word, or was begun. */
  heard: number;
  isReady: boolean;
}

interface Place {
  name: string;
  part: Part;
  member?: Member;
  /** Whoever is to come after it, even where it ends before its time. */
  successor?: Member;
  /** Cuts the wait before the next try short. */
  wait?: AbortController;
}

/** What a process listens with, as it comes from there: nobody listens with it here. */
type Entrance = Server & { close(): void };

/** The processes: as many as wanted, replaced when they end, stopped in order. */
export class Workers {
  private readonly places: Place[];
  private readonly members = new Set<Member>();
  private readonly closed = new Set<Member>();
  /** Those that answer requests when all are stopped. */
  private doors: Member[] = [];
  private readonly watches: boolean;
  private readonly gathering = new Gathering();
  private stopping = false;
  private replacing: Promise<void> = Promise.resolve();
  private renewal: Promise<void> | undefined;
  private url: string | undefined;

  constructor(
    parts: readonly Part[],
    private readonly environment: (part: Part) => Record<string, string>,
    private readonly folder: string,
    args: string[],
    private readonly log: Log,
    private readonly giveUp: (code: number) => void,
  ) {
    this.places = parts.map((part, at) => ({ part, name: part === 'background' ? part : String(at + 1) }));
    // Under development it may be a person who looks at it in a debugger.
    this.watches = !args.includes('--watch');
    // Each takes connections itself: handed out by this process, one at a time for each, they pile up here where answers are late.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({ exec: fileURLToPath(new URL('../main.js', import.meta.url)), args });
  }

  /** Resolves with their address when all are ready, however often some had to be started again. */
  async start(): Promise<string | undefined> {
    if (this.watches) this.watch();
    const ready: Promise<void>[] = [];
    for (const place of this.places) {
      const begun = new Promise<void>((tell) => void this.keep(place, tell));
      ready.push(begun);
      await Promise.race([begun, pause(STAGGER_MS)]);
      if (this.stopping) return undefined;
    }
    await Promise.all(ready);
    return this.url;
  }

  /** New processes for old, one after the other, without a moment in which nobody answers. Orders that come before it begins are one. */
  renew(): Promise<void> {
    this.renewal ??= this.inTurn(async () => {
      this.renewal = undefined;
      for (const place of this.places) {
        if (place.member) await this.replace(place, place.member);
        else place.wait?.abort();
      }
    });
    return this.renewal;
  }

  private retire(place: Place, member: Member, reason: string): void {
    void this.inTurn(async () => {
      if (place.member !== member) return;
      this.log.info({ process: place.name, reason }, 'a process has served its time, another takes its place');
      await this.replace(place, member);
    });
  }

  /** Old and new stand side by side for a moment: two pairs of them could be more than the memory bears. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    return (this.replacing = this.replacing.then(() => (this.stopping ? undefined : work())));
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

  /** A process that stands still leaves everyone waiting whose connection it was given, or who waits for it to be ready. */
  private watch(): void {
    let looked = performance.now();
    setInterval(() => {
      const now = performance.now();
      // Where it was this process that stood still, their words are yet to be read.
      const awake = now - looked < 2 * LOOK_MS;
      looked = now;
      for (const { worker, heard, isReady } of this.members) {
        if (!awake || now - heard < (isReady ? SILENT_MS : SILENT_AT_START_MS)) continue;
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
      began = performance.now();
      place.member = place.successor ?? this.fork(place);
      place.successor = undefined;
      void place.member.ready.then(ready);
      reason = await lastWord(place);
      place.member = undefined;
    } while (await this.another(place, reason, backoff.next(performance.now() - began)));
  }

  private async another(place: Place, reason: string, waitMs: number): Promise<boolean> {
    if (this.stopping) return false;
    this.log.error({ process: place.part, reason, waitMs }, 'a process ended, another takes its place');
    place.wait = new AbortController();
    await pause(waitMs, place.wait.signal);
    return !this.stopping;
  }

  private fork(place: Place): Member {
    const worker = cluster.fork({ ...this.environment(place.part), ...markOf(this.folder) });
    const ready = new Promise<true>((resolve) => {
      worker.on('message', (message: Message, entrance?: Entrance) => {
        member.heard = performance.now();
        if (message.kind === 'entrance' && entrance) giveBack(worker, entrance);
        if (message.kind === 'closed') this.doorClosed(member);
        if (message.kind === 'retire') this.retire(place, member, message.reason);
        if (message.kind === 'gather') void this.gathering.tell(worker, this.awake());
        if (message.kind === 'figures') this.gathering.heard(worker, message);
        if (message.kind === 'last figures') this.gathering.leaves(worker, message.families);
        if (message.kind !== 'ready') return;
        member.isReady = true;
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
    const member: Member = { worker, name: place.name, ready, gone, heard: performance.now(), isReady: false };
    this.members.add(member);
    void gone.then(() => {
      this.members.delete(member);
      this.closed.delete(member);
      this.gathering.gone(worker);
      this.tellClosed();
    });
    return member;
  }

  private awake(): Member[] {
    return [...this.members].filter(({ isReady }) => isReady);
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
    const fresh = (place.successor = this.fork(place));
    const outcome = await Promise.race([fresh.ready, fresh.gone]);
    // The old one has ended meanwhile: whoever is to come after it has its place, or has it now.
    if (outcome === true && place.member !== old) {
      place.wait?.abort();
      return;
    }
    if (place.successor === fresh) place.successor = undefined;
    if (place.member !== old) return;
    if (outcome !== true) {
      this.log.error({ process: place.part, reason: outcome }, 'the new process did not come up, the old one stays');
      return;
    }
    place.member = fresh;
    if (old.worker.isConnected()) old.worker.send({ kind: 'succeeded' }, undefined, undefined, () => undefined);
    await old.gone;
  }
}

/** As often as it shall have entrances beside its first. */
function giveBack(worker: Worker, entrance: Entrance): void {
  for (let left = MORE_ENTRANCES; left > 0; left -= 1)
    worker.send({ kind: 'entrance' }, entrance, undefined, () => left === 1 && entrance.close());
}

async function lastWord(place: Place): Promise<string> {
  for (;;) {
    const { member } = place;
    const reason = (await member?.gone) ?? '';
    if (place.member === member) return reason;
  }
}
