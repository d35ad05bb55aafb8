import { hash, verify } from '@node-rs/argon2';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import { hashesAtOnce, type Config } from '../config/config.js';
import { Refusal } from '../kernel/problems.js';

/** As OWASP advises; raised here, each hash is renewed at its owner's next sign-in. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const WRITTEN = `$argon2id$v=19$m=${COST.memoryCost},t=${COST.timeCost},p=${COST.parallelism}$`;
/** Whoever would wait longer is refused at once. */
const MOST_WAIT_MS = 4_000;
/** Where a guess was wrong, as the machine had more to do than it seemed: then at last. */
const LONGEST_WAIT_MS = 7_000;
const FIRST_GUESS_MS = 15;
const WEIGHT = 0.1;

const tooMany = () => new Refusal('overloaded', 'Too many people sign in at this moment. Try again in a few seconds.');

/**
 * Makes and checks hashes of passwords, a few at a time: each takes a core for milliseconds, and all other
 * requests want one, too.
 */
@Injectable()
export class Hashing {
  private readonly most: number;
  private readonly line: (() => void)[] = [];
  private coming = 0;
  private busy = 0;
  private usualMs = FIRST_GUESS_MS;
  private nobodys: Promise<string> | undefined;

  constructor(@Inject(CONFIG) config: Pick<Config, 'WORKERS'>) {
    this.most = hashesAtOnce(config);
  }

  /**
   * For all that ends in a hash: counted from its beginning, so that of a crowd most are refused before
   * anything is done for them, and not when all have been looked up.
   */
  async forOne<T>(work: () => Promise<T>): Promise<T> {
    if ((this.coming / this.most) * this.usualMs > MOST_WAIT_MS) throw tooMany();
    this.coming += 1;
    try {
      return await work();
    } finally {
      this.coming -= 1;
    }
  }

  make(password: string): Promise<string> {
    return this.inTurn(() => hash(password, COST));
  }

  /** Takes the same time where there is nobody to check it for. */
  async check(kept: string | null | undefined, password: string): Promise<boolean> {
    const nobodys = await (this.nobodys ??= hash('nobody', COST));
    const fits = await this.inTurn(() => verify(kept ?? nobodys, password));
    return fits && kept !== null && kept !== undefined;
  }

  isOutdated(kept: string): boolean {
    return !kept.startsWith(WRITTEN);
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const came = performance.now();
    if (this.busy < this.most) this.busy += 1;
    else await new Promise<void>((resolve) => this.line.push(resolve));
    const began = performance.now();
    try {
      if (began - came > LONGEST_WAIT_MS) throw tooMany();
      const done = await work();
      this.usualMs += (performance.now() - began - this.usualMs) * WEIGHT;
      return done;
    } finally {
      const next = this.line.shift();
      if (next) next();
      else this.busy -= 1;
    }
  }
}
