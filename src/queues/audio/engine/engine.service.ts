import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { ENGINE_MEMORY_MB } from '../line/machine.js';
import { usageOf } from './usage.js';
import type { Errand, Word } from './words.js';

/** What does the work, and how long it may say nothing. */
export interface EngineProgram {
  main: string;
  silentMs: number;
}
export const ENGINE_PROGRAM = Symbol('engine program');

const usual: EngineProgram = { main: fileURLToPath(new URL('./engine.main.js', import.meta.url)), silentMs: 20_000 };
/** Of the processor and of the clock; where recordings may last for hours, a quarter of that. */
const LEAST_MOST_MS = 900_000;
const MOST_MS_OF_A_SECOND = 250;
const LOOK_EVERY_MS = 250;
/** Who is silent and had not even such a part of a core does not stand still: others are before him, but not for ever. */
const LEAST_PART = 0.25;
const MOST_PATIENCE = 6;
const MOST_FILE_MB = 128;
const MOST_OPEN_FILES = 64;
const SCRIPT_MB = 96;
/** Requests come first: from its first moment, and with all its threads, which it could not do of itself. */
const LOW_PRIORITY = 10;
/** What Node 24 sets aside for machine code before it begins; it is counted, and hardly used. */
const RESERVED_MB = 3_584;
const MOST_WORDS = 2_000;

/**
 * Bounds that the system itself keeps, whatever the program in them does: memory, time of the processor, size of files;
 * and no picture of its memory is left behind.
 */
const boundsFor = (mostMs: number): string =>
  [
    // Where memory is short for all, it is this one that goes.
    '{ echo 1000 > /proc/$$/oom_score_adj; } 2> /dev/null',
    `ulimit -c 0; ulimit -d ${(ENGINE_MEMORY_MB + RESERVED_MB) * 1_024}; ulimit -f ${MOST_FILE_MB * 2_048}`,
    `ulimit -t ${Math.ceil(mostMs / 1_000)}; ulimit -n ${MOST_OPEN_FILES}; exec nice -n ${LOW_PRIORITY} "$0" "$@"`,
  ].join('; ');

export type Outcome =
  | Exclude<Word, { kind: 'ready' | 'progress' }>
  /** It could not even begin, of which no recording is the reason. */
  | { kind: 'absent'; words: string }
  /** It fell over, or stood still: nobody knows whether it would again. */
  | { kind: 'crashed'; words: string }
  | { kind: 'stopped' };

/** One process for each recording, which knows nothing but where that lies. */
@Injectable()
export class Engine {
  private readonly program: EngineProgram;

  constructor(@Optional() @Inject(ENGINE_PROGRAM) program?: EngineProgram) {
    this.program = program ?? usual;
  }

  run(errand: Errand, over: AbortSignal, tell: (share: number) => void): Promise<Outcome> {
    const mostMs = Math.max(LEAST_MOST_MS, errand.mostSeconds * MOST_MS_OF_A_SECOND);
    const child = spawn('/bin/sh', ['-c', boundsFor(mostMs), process.execPath, `--max-old-space-size=${SCRIPT_MB}`, this.program.main], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: {},
      cwd: errand.folder,
    });
    return this.watch(child, errand, mostMs, over, tell);
  }

  private watch(child: ChildProcess, errand: Errand, mostMs: number, over: AbortSignal, tell: (share: number) => void): Promise<Outcome> {
    return new Promise((resolve) => {
      let said: Outcome | undefined;
      let isThere = false;
      let words = '';
      let why = '';
      const end = (reason: string) => {
        why = reason;
        child.kill('SIGKILL');
      };
      const { silentMs } = this.program;
      let heardAt = performance.now();
      let [used, usedWhenHeard] = [0, 0];
      // Where it was this process that stood still, what was said meanwhile is read before anybody is blamed: while it is asked what is used.
      const lookUp = async () => {
        const usage = await usageOf(child.pid);
        if (usage && usage.memoryMb > ENGINE_MEMORY_MB) end('it took too much memory');
        used = usage?.processorMs ?? Infinity;
        const silent = performance.now() - heardAt;
        const hadItsTime = used - usedWhenHeard >= silentMs * LEAST_PART || silent > silentMs * MOST_PATIENCE;
        if (silent > silentMs && hadItsTime) end('it stood still');
      };
      const looking = setInterval(() => void lookUp(), LOOK_EVERY_MS);
      const time = setTimeout(() => end('it took too long'), mostMs);
      const stop = () => end('');
      child.stderr?.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-MOST_WORDS)));
      child.on('message', (word: Word) => {
        heardAt = performance.now();
        usedWhenHeard = used;
        if (word.kind === 'progress') tell(word.share);
        else if (word.kind !== 'ready') said = word;
        else if (!isThere) {
          isThere = true;
          child.send(errand, (fault) => fault && end(fault.message));
        }
      });
      child.on('error', (fault) => (words = fault.message));
      // What it wrote last has been read by then.
      child.on('close', (code, signal) => {
        clearTimeout(time);
        clearInterval(looking);
        over.removeEventListener('abort', stop);
        if (said) resolve(said);
        else if (over.aborted) resolve({ kind: 'stopped' });
        else {
          const told = [why || `it ended with ${signal ?? code}`, words.trim()].filter(Boolean).join(': ');
          resolve({ kind: isThere ? 'crashed' : 'absent', words: told });
        }
      });
      over.addEventListener('abort', stop);
      if (over.aborted) stop();
    });
  }
}
