import { Injectable } from '@nestjs/common';
import { isDatabaseAway } from '../database/faults.js';
import { Cache } from '../http/cache/cache.service.js';
import type { Dropped } from '../http/cache/tiers.js';
import { personTag } from '../users/users.service.js';
import { StandingsStore, type Standing } from './standings.store.js';

/** From then on it is asked for again, together with others, */
const FRESH_MS = 1_000;
const GATHER_MS = 200;
/** and until then it still holds meanwhile. */
const USABLE_MS = 3_000;
/** Where the database is away, its last word holds for longer. */
const HOLDS_MS = 50_000;
const SILENT_MS = 500;
const MOST_KNOWN = 10_000;

interface Known {
  standing: Standing;
  readAt: number;
}

/** What was read of many, for each who asked. Throws for whom nothing is known. */
type Answers = (id: string) => Standing | undefined;

/**
 * Whether sign-ins and keys still let their people in. Those in use are asked for all at once a few times
 * a second, so that no request waits for it and none is let in seconds after its right has ended.
 */
@Injectable()
export class Standings {
  private readonly known = new Map<string, Known>();
  private readonly wanted = new Set<string>();
  private asking: Promise<Answers> | undefined;
  private gathering: NodeJS.Timeout | undefined;
  private unanswered = 0;
  /** When it was first asked without an answer since. */
  private silentSince = Infinity;

  constructor(
    private readonly store: StandingsStore,
    private readonly cache: Cache,
  ) {
    cache.onDrop((dropped) => this.forget(dropped));
  }

  /** By the id of the sign-in or key. */
  of(id: string): Standing | undefined | Promise<Standing | undefined> {
    const known = this.known.get(id);
    const age = known ? performance.now() - known.readAt : Infinity;
    // A database that does not answer is not waited for by who was let in a moment ago.
    const isSilent = performance.now() > this.silentSince + SILENT_MS;
    if (age >= (isSilent ? HOLDS_MS : USABLE_MS)) return this.ask(id);
    if (age >= FRESH_MS) this.askLater(id);
    return known?.standing;
  }

  private ask(id: string): Promise<Standing | undefined> {
    this.wanted.add(id);
    // All who come in one turn of the loop share a question.
    this.asking ??= new Promise((resolve) => setImmediate(resolve)).then(() => this.read());
    return this.asking.then((answerTo) => answerTo(id));
  }

  private askLater(id: string): void {
    this.wanted.add(id);
    // Where this fails, who comes next asks himself and hears why.
    if (this.unanswered === 0) this.gathering ??= setTimeout(() => this.gather(), GATHER_MS).unref();
  }

  /** Where somebody asks in this very turn he asks for all: read here, nobody would be left for him to ask for, not even himself. */
  private gather(): void {
    if (!this.asking) void this.read().catch(() => undefined);
  }

  private async read(): Promise<Answers> {
    const ids = [...this.wanted];
    const readAt = performance.now();
    this.wanted.clear();
    clearTimeout(this.gathering);
    this.asking = this.gathering = undefined;
    this.unanswered += 1;
    this.silentSince = Math.min(this.silentSince, readAt);
    try {
      const found = await this.store.of(ids);
      this.silentSince = Infinity;
      for (const id of ids) this.keep(id, found.get(id), readAt);
      return (id) => found.get(id);
    } catch (fault) {
      return (id) => {
        const known = this.known.get(id);
        if (!known || readAt >= known.readAt + HOLDS_MS || !isDatabaseAway(fault)) throw fault;
        return known.standing;
      };
    } finally {
      this.unanswered -= 1;
    }
  }

  private keep(id: string, standing: Standing | undefined, readAt: number): void {
    this.known.delete(id);
    if (!standing || this.cache.droppedSince(readAt, [personTag(standing.userId)])) return;
    if (this.known.size >= MOST_KNOWN) this.known.delete(this.known.keys().next().value ?? '');
    this.known.set(id, { standing, readAt });
  }

  /** What this process itself changed, or hears of, is over at once. */
  private forget({ tags, prefixes }: Dropped): void {
    const isLike = (tag: string) => prefixes.some((prefix) => tag.startsWith(prefix));
    const people = new Set(tags.filter((tag) => tag.startsWith('person:')));
    if (people.size + prefixes.length === 0) return;
    for (const [id, { standing }] of this.known) {
      const tag = personTag(standing.userId);
      if (people.has(tag) || isLike(tag)) this.known.delete(id);
    }
  }
}
