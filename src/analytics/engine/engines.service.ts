import { open, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { Refusal } from '../../kernel/problems.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import { Datasets } from '../datasets/datasets.service.js';
import type { Manifest } from '../datasets/manifest.js';
import type { Cell, Column, FileFormat, Opening, Told } from './messages.js';
import { canCutNetwork, EngineProcess, type Moment } from './process.js';

export const DEADLINE_MS = 10_000;
const WAIT_MS = 10_000;
const MOST_WAITING = 32;
const MOST_THREADS = 2;

/** By which table calculators know that letters are UTF-8. */
const BYTE_ORDER_MARK = '\ufeff';

export interface Asked {
  sql: string;
  /** Whose campaigns are seen; nobody's means all. */
  owner: string | null;
  mostRows: number;
  mostBytes: number;
  /** Ends it where nobody waits for it any more. */
  over?: AbortSignal;
}

export interface Rows {
  columns: Column[];
  rows: Cell[][];
  truncated: boolean;
  snapshotAt: string;
}

export interface AnswerFile {
  bytes: Readable;
  size: number;
  truncated: boolean;
}

/** A few processes that answer; the death of one costs the one question that it had. */
@Injectable()
export class Engines implements OnApplicationShutdown {
  private readonly idle: EngineProcess[] = [];
  private readonly all = new Set<EngineProcess>();
  private readonly waiting: (() => void)[] = [];
  private taken = 0;
  private told = false;
  private nextId = 1;
  private readonly counts = { began: 0, refused: 0, died: 0 };

  constructor(
    private readonly datasets: Datasets,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.all].map((engine) => engine.close()));
  }

  get figures() {
    return { ...this.counts, busy: this.taken, waiting: this.waiting.length };
  }

  /** How much is kept from the processes. */
  async bars(): Promise<{ network: boolean }> {
    return { network: await canCutNetwork() };
  }

  /** All rows, as far as the bounds allow. */
  rows(asked: Asked): Promise<Rows> {
    return this.answered(asked, 'rows', (told, { snapshotAt }) => {
      if (told.kind !== 'rows') throw new Error('no rows were told');
      return { columns: told.columns, rows: told.rows, truncated: told.truncated, snapshotAt };
    });
  }

  /** What the answer would have for columns; nothing is run. */
  async columns(sql: string, owner: string | null): Promise<Column[]> {
    const nothing = { sql, owner, mostRows: 0, mostBytes: 0 };
    return this.answered(nothing, 'columns', (told) => (told.kind === 'rows' ? told.columns : []));
  }

  /** Gone from the disk as soon as it was read; its process answers others before that. */
  file(asked: Asked, format: FileFormat): Promise<AnswerFile> {
    return this.answered(asked, format, async (told) => {
      if (told.kind !== 'written') throw new Error(`no ${format} was written`);
      const file = await open(told.path);
      await rm(told.path);
      const head = Buffer.from(format === 'csv' ? BYTE_ORDER_MARK : '');
      const size = head.length + (await file.stat()).size;
      const bytes = Readable.from(after(head, file.createReadStream()));
      // Also where nobody takes it, so that it is never read.
      bytes.once('close', () => void file.close().catch(() => undefined));
      return { bytes, size, truncated: told.truncated };
    });
  }

  private async answered<T>({ over, ...asked }: Asked, as: Opening['as'], take: (told: Told, of: Moment) => T | Promise<T>): Promise<T> {
    const engine = await this.take(over);
    const leave = () => engine.say({ kind: 'interrupt' });
    over?.addEventListener('abort', leave);
    try {
      over?.throwIfAborted();
      return await take(judged(await this.asked(engine, { kind: 'open', id: this.nextId++, ...asked, as })), engine.of);
    } finally {
      over?.removeEventListener('abort', leave);
      this.giveBack(engine);
    }
  }

  private async asked(engine: EngineProcess, order: Opening): Promise<Told> {
    const began = performance.now();
    this.counts.began += 1;
    try {
      const told = await engine.ask(order, DEADLINE_MS);
      if (told.kind === 'refused') this.counts.refused += 1;
      if (told.kind === 'failed') this.log.error({ why: told.why, version: engine.of.version }, 'a business question failed');
      return told;
    } catch (fault) {
      this.counts.died += 1;
      this.log.warn({ err: fault, version: engine.of.version }, 'a process that answered business questions ended');
      if (engine.tooLarge) throw tooLarge();
      if (performance.now() - began >= DEADLINE_MS) throw tooLong();
      throw new Refusal('dependency_down', 'The process of this question ended. Others go on; ask again, or for less.');
    }
  }

  private async take(over: AbortSignal | undefined): Promise<EngineProcess> {
    if (this.taken >= this.config.ANALYTICS_PROCESSES) await this.wait(over);
    else this.taken += 1;
    try {
      const manifest = await this.datasets.current();
      return await this.of(manifest);
    } catch (fault) {
      this.release();
      if (fault instanceof Refusal) throw fault;
      this.log.error({ err: fault }, 'no process for business questions could be started');
      throw new Refusal('dependency_down', 'What answers business questions could not be started. Try again in a moment.');
    }
  }

  private wait(over: AbortSignal | undefined): Promise<void> {
    if (this.waiting.length >= MOST_WAITING) throw new Refusal('overloaded', 'Too many business questions wait. Ask again in a moment.');
    return new Promise((resolve, reject) => {
      const end = (act: () => void) => {
        clearTimeout(timer);
        over?.removeEventListener('abort', left);
        act();
      };
      const go = () => end(resolve);
      const leave = (why: Error) => {
        this.waiting.splice(this.waiting.indexOf(go), 1);
        end(() => reject(why));
      };
      const left = () => leave(over?.reason as Error);
      const timer = setTimeout(
        () => leave(new Refusal('overloaded', 'Other business questions take all the time. Ask again in a moment.')),
        WAIT_MS,
      );
      over?.addEventListener('abort', left);
      this.waiting.push(go);
    });
  }

  /** One that reads this manifest; those of an older one are of no use any more. */
  private async of(manifest: Manifest): Promise<EngineProcess> {
    for (let engine = this.idle.pop(); engine; engine = this.idle.pop()) {
      if (engine.of.version === manifest.version && !engine.dead) return engine;
      this.drop(engine);
    }
    if (!this.told && !(await canCutNetwork())) {
      this.told = true;
      this.log.warn('business questions run in processes that have the network of this machine: unshare --user --net is not allowed here');
    }
    const files = Object.fromEntries(
      Object.entries(manifest.datasets).map(([name, parts]) => [
        name,
        parts.flatMap((part) => part.files.map(({ path }) => join(this.datasets.folder, path))),
      ]),
    );
    const threads = Math.min(MOST_THREADS, availableParallelism());
    const engine = await EngineProcess.start(manifest, files, this.config.ANALYTICS_MEMORY_MB, threads);
    this.all.add(engine);
    return engine;
  }

  private giveBack(engine: EngineProcess): void {
    if (engine.dead) this.all.delete(engine);
    else this.idle.push(engine);
    this.release();
  }

  private drop(engine: EngineProcess): void {
    this.all.delete(engine);
    engine.kill();
  }

  private release(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.taken -= 1;
  }
}

async function* after(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  yield head;
  yield* rest;
}

const tooLong = () => new Refusal('sql_refused', `It takes longer than ${DEADLINE_MS / 1_000} s. Ask for less at once.`);

const tooLarge = () => new Refusal('sql_refused', 'It takes more memory than a question may have. Ask for less at once.');

function judged(told: Told): Told {
  if (told.kind === 'refused') throw theirFault(told.why);
  if (told.kind === 'failed') throw new Refusal('dependency_down', 'The exported data could not be read. Try again in a moment.');
  return told;
}

function theirFault(why: string): Refusal {
  if (/^INTERRUPT/i.test(why)) return tooLong();
  return /^Out of Memory/i.test(why) ? tooLarge() : new Refusal('sql_refused', why);
}
