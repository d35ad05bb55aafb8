import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { Refusal } from '../../kernel/problems.js';
import type { Part } from '../../http/ranges.js';
import { isFull } from './engine/words.js';

/** What is kept of a job, under names of ours alone. */
export type Piece = 'original' | 'normalized' | 'waveform';

/** Where recordings lie. Whoever keeps them elsewhere brings another one of these. */
export abstract class AudioStorage {
  /** All of it, or nothing; how many bytes it was. */
  abstract put(id: string, piece: Piece, bytes: AsyncIterable<Buffer>): Promise<number>;
  /** All of it, or the part that is chosen once it is known how many bytes it has. */
  abstract read(
    id: string,
    piece: Piece,
    choose?: (bytes: number) => Part | undefined,
  ): Promise<{ bytes: number; part: Part | undefined; stream: Readable } | undefined>;
  /** Some bytes of it, as far as it has them. */
  abstract some(id: string, piece: Piece, from: number, most: number): Promise<Buffer>;
  /** Files that the engine reads, and those that it may write before they are kept. */
  abstract bench(id: string, run: number): Promise<{ original: string; folder: string }>;
  /** Keeps what the engine has written. */
  abstract keep(id: string, run: number): Promise<void>;
  /** Takes out what one run, or all of them, began to write. */
  abstract clear(id: string, run?: number): Promise<void>;
  abstract remove(id: string): Promise<void>;
  /** Whether what lies here is of this installation; the first one that asks has it. */
  abstract belongsTo(installation: string): Promise<boolean>;
  /** Of all that lie here, some at a time. */
  abstract ids(): AsyncGenerator<string[], void, void>;
}

const ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
const DRAWER = /^[\da-f]{2}$/;
const RUN = /^run-\d+$/;
const isMissing = (fault: unknown) => (fault as NodeJS.ErrnoException).code === 'ENOENT';

/** In a folder of this machine, or one that all machines share: a folder for each job, sorted by the end of its id, which is random. */
@Injectable()
export class LocalStorage extends AudioStorage {
  private readonly root: string;

  constructor(@Inject(CONFIG) { DATA_DIR }: Pick<Config, 'DATA_DIR'>) {
    super();
    this.root = join(DATA_DIR, 'audio');
  }

  async put(id: string, piece: Piece, bytes: AsyncIterable<Buffer>): Promise<number> {
    const coming = join(this.folder(id), `${piece}.coming`);
    try {
      await mkdir(this.folder(id), { recursive: true, mode: 0o700 });
      let size = 0;
      const file = await open(coming, 'wx', 0o600);
      try {
        for await (const some of bytes) {
          await file.writeFile(some);
          size += some.length;
        }
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(coming, this.file(id, piece));
      return size;
    } catch (fault) {
      await this.remove(id);
      throw isFull(fault) ? new Refusal('storage_full', 'No recording can be stored at the moment.') : fault;
    }
  }

  async read(id: string, piece: Piece, choose?: (bytes: number) => Part | undefined) {
    const file = await open(this.file(id, piece), 'r').catch((fault: unknown) => {
      if (!isMissing(fault)) throw fault;
    });
    if (!file) return undefined;
    try {
      const { size } = await file.stat();
      const part = choose?.(size);
      return { bytes: size, part, stream: file.createReadStream(part && { start: part.from, end: part.to }) };
    } catch (fault) {
      await file.close();
      throw fault;
    }
  }

  async some(id: string, piece: Piece, from: number, most: number) {
    const file = await open(this.file(id, piece), 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(most), 0, most, from);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  async bench(id: string, run: number) {
    const folder = this.bay(id, run);
    await stat(this.file(id, 'original'));
    // Whoever had it before and died took nothing away.
    await this.clear(id);
    await mkdir(folder, { mode: 0o700 });
    return { original: this.file(id, 'original'), folder };
  }

  async keep(id: string, run: number): Promise<void> {
    for (const piece of ['normalized', 'waveform'] as const)
      await rename(join(this.bay(id, run), piece), this.file(id, piece)).catch((fault: unknown) => {
        if (!isMissing(fault)) throw fault;
      });
    await this.clear(id, run);
  }

  async clear(id: string, run?: number): Promise<void> {
    const runs = run === undefined ? (await this.namesIn(this.folder(id))).filter((name) => RUN.test(name)) : [`run-${run}`];
    for (const name of runs) await rm(join(this.folder(id), name), { recursive: true, force: true });
  }

  remove(id: string): Promise<void> {
    return rm(this.folder(id), { recursive: true, force: true });
  }

  async belongsTo(installation: string): Promise<boolean> {
    const mark = join(this.root, 'installation');
    await mkdir(this.root, { recursive: true, mode: 0o700 });
    await writeFile(mark, installation, { flag: 'wx' }).catch(() => undefined);
    return (await readFile(mark, 'utf8')) === installation;
  }

  async *ids(): AsyncGenerator<string[], void, void> {
    for (const drawer of await this.namesIn(this.root))
      if (DRAWER.test(drawer)) yield (await this.namesIn(join(this.root, drawer))).filter((name) => ID.test(name));
  }

  private async namesIn(folder: string): Promise<string[]> {
    return readdir(folder).catch((fault: unknown) => {
      if (isMissing(fault)) return [];
      throw fault;
    });
  }

  private folder(id: string): string {
    if (!ID.test(id)) throw new Error('no id of ours');
    return join(this.root, id.slice(-2), id);
  }

  private file(id: string, piece: Piece): string {
    return join(this.folder(id), piece);
  }

  private bay(id: string, run: number): string {
    return join(this.folder(id), `run-${run}`);
  }
}
