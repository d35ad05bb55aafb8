import { setTimeout as pause } from 'node:timers/promises';
import { Connection, textOf } from '../connection.js';
import { chance, wishOf, type Person, type Wish } from './mix.js';
import { Tally, type Outcome } from './tally.js';

export interface Place {
  url: string;
  people: readonly Person[];
  campaigns: readonly string[];
}

export interface Crowd {
  /** People who do one thing after the other, and think between. */
  users?: number;
  thinkMs: number;
  /** Or so many requests a second, whatever comes of those before. */
  arrivals?: number;
  rampSeconds: number;
  seconds: number;
  seed: number;
}

export interface Night extends Outcome {
  /** Acknowledged gifts, from the very first. */
  gifts: number;
  /** From the very first, too. */
  asked: number;
  /** Connections that had to be opened again, from the very first, too. */
  lost: number;
  /** Of one core, what asking itself took. */
  ownCpu: number;
}

const NO_ANSWER_MS = 30_000;
const LOOK_MS = 1_000;
/** Of arrivals, so many come from the first moment on. */
const FIRST_PART = 0.05;

/** A connection that is opened again where it was lost. */
class Caller {
  private connection: Connection | undefined;
  private opened = 0;

  constructor(
    private readonly url: string,
    private readonly again: () => void,
  ) {}

  /** What went wrong is an outcome like any other. */
  async ask({ method, path, headers, body, status: right, shows }: Wish): Promise<{ status: number | string; hit: boolean }> {
    try {
      if (!this.connection?.isOpen) {
        if ((this.opened += 1) > 1) this.again();
        this.connection = await Connection.to(this.url, NO_ANSWER_MS);
      }
      const answer = await this.connection.ask(method, path, headers, body);
      const { status, head } = answer;
      if (status === right && !textOf(answer).includes(shows)) return { status: `${status} with something else`, hit: false };
      return { status, hit: /\r\n(?:cache-status: [^\r]*; hit|x-edge-cache: hit)/i.test(head) };
    } catch (fault) {
      this.close();
      const { code, message } = fault as NodeJS.ErrnoException;
      return { status: code ?? message, hit: false };
    }
  }

  /** Nobody has hung up on who still waits for nothing. */
  end(): void {
    if (this.connection?.isOpen === false) this.again();
    this.close();
  }

  private close(): void {
    this.connection?.close();
    this.connection = undefined;
  }
}

/**
 * A whole crowd. A request is due at its time, also where the answer before it was late: who waited then waits here too,
 * or a server that stands still would look as quick as ever.
 */
export async function spend(place: Place, crowd: Crowd, watch: (secondsLeft: number, line: string) => void): Promise<Night> {
  const begins = performance.now();
  const countsFrom = begins + crowd.rampSeconds * 1_000;
  const ends = countsFrom + crowd.seconds * 1_000;
  const tally = new Tally(countsFrom);
  const cpu = process.cpuUsage();
  const watching = setInterval(() => watch(Math.max(0, (ends - performance.now()) / 1_000), tally.line), LOOK_MS);
  await (crowd.users === undefined
    ? arriving(place, crowd, begins, ends, tally)
    : thinking(place, crowd, crowd.users, begins, ends, tally));
  clearInterval(watching);
  const { user, system } = process.cpuUsage(cpu);
  return {
    // Whoever is behind is so in more time than was meant.
    ...tally.outcome(Math.max(crowd.seconds, (performance.now() - countsFrom) / 1_000)),
    gifts: tally.gifts,
    asked: tally.asked,
    lost: tally.lost,
    ownCpu: (user + system) / 1_000 / (performance.now() - begins),
  };
}

async function thinking(place: Place, crowd: Crowd, users: number, begins: number, ends: number, tally: Tally): Promise<void> {
  const one = async (n: number) => {
    const draw = chance(crowd.seed * 1_000_003 + n);
    const caller = new Caller(place.url, () => (tally.lost += 1));
    const person = place.people[n % place.people.length]!;
    let due = begins + (n / users) * crowd.rampSeconds * 1_000;
    while (due < ends) {
      await pause(Math.max(0, due - performance.now()));
      const wish = wishOf(person, place.campaigns, draw);
      const { status, hit } = await caller.ask(wish);
      tally.note(wish, due, status, hit);
      due += crowd.thinkMs * (0.5 + draw());
    }
    caller.end();
  };
  await Promise.all(Array.from({ length: users }, (_, n) => one(n)));
}

async function arriving(
  place: Place,
  { arrivals = 0, rampSeconds, seed }: Crowd,
  begins: number,
  ends: number,
  tally: Tally,
): Promise<void> {
  const draw = chance(seed);
  const free: Caller[] = [];
  const open = new Set<Promise<void>>();
  const carry = async (wish: Wish, due: number) => {
    const caller = free.pop() ?? new Caller(place.url, () => (tally.lost += 1));
    const { status, hit } = await caller.ask(wish);
    tally.note(wish, due, status, hit);
    free.push(caller);
  };
  /** They become more, too, until all of them come. */
  const perMs = (due: number) => (arrivals / 1_000) * Math.min(1, FIRST_PART + (due - begins) / Math.max(1, rampSeconds * 1_000));
  for (let due = begins; due < ends; due += -Math.log(1 - draw()) / perMs(due)) {
    if (due > performance.now()) await pause(due - performance.now());
    const person = place.people[Math.floor(draw() * place.people.length)]!;
    const carrying = carry(wishOf(person, place.campaigns, draw), due).finally(() => open.delete(carrying));
    open.add(carrying);
  }
  await Promise.all(open);
  for (const caller of free) caller.end();
}
