import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programAt } from '../programs.js';
import type { Order, Told } from './messages.js';

const START_MS = 20_000;
/** For what came of a question to be written down, once it is there. */
const WRITE_MS = 30_000;
const WATCH_MS = 100;
const PAGE_BYTES = 4_096;
/** What Node, DuckDB's code and results on their way need beside DuckDB's own bound. */
const BESIDE_BYTES = 320 * 1_048_576;
const PROGRAM = fileURLToPath(programAt('./engine/engine.child.js'));
/** One heap for all threads: those that it would have besides keep hundreds of MB that nobody uses, beyond DuckDB's bound. */
const ENVIRONMENT = { MALLOC_ARENA_MAX: '1' };
const NODE_WORDS = ['--max-old-space-size=128', PROGRAM];

/** All that a process reads is of one moment. */
export interface Moment {
  version: string;
  snapshotAt: string;
}

let cut: Promise<boolean> | undefined;

/** Whether a process may be given a network of its own, which is empty. */
export function canCutNetwork(): Promise<boolean> {
  cut ??= new Promise((resolve) => {
    const tried = spawn('unshare', ['--user', '--net', 'true'], { stdio: 'ignore', env: {} });
    tried.on('error', () => resolve(false));
    tried.on('exit', (code) => resolve(code === 0));
  });
  return cut;
}

/** One DuckDB in a process without environment, secrets or network. It answers one question at a time. */
export class EngineProcess {
  private hear: ((told: Told) => void) | undefined;
  private fall: ((why: Error) => void) | undefined;
  private watching: NodeJS.Timeout | undefined;
  dead = false;
  /** Whether it was ended for what it took of the machine. */
  tooLarge = false;

  private constructor(
    private readonly child: ChildProcess,
    private readonly scratch: string,
    readonly of: Moment,
    private readonly mostBytes: number,
  ) {
    child.on('message', (told: Told) => this.hear?.(told));
    child.on('error', (fault) => this.ended(fault));
    child.on('exit', () => this.ended(new Error('the process of the question ended')));
  }

  static async start(of: Moment, files: Record<string, string[]>, memoryMb: number, threads: number): Promise<EngineProcess> {
    const scratch = await mkdtemp(join(tmpdir(), 'mutirao-question-'));
    const [program, ...args] = (await canCutNetwork())
      ? ['unshare', '--user', '--net', process.execPath, ...NODE_WORDS]
      : [process.execPath, ...NODE_WORDS];
    const child = spawn(program, args, {
      env: ENVIRONMENT,
      cwd: scratch,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'advanced',
    });
    const engine = new EngineProcess(child, scratch, of, memoryMb * 1_048_576 + BESIDE_BYTES);
    try {
      const ready = await engine.ask({ kind: 'begin', files, scratch, memoryMb, threads }, START_MS);
      if (ready.kind !== 'ready') throw new Error('why' in ready ? ready.why : 'the process of the question did not begin');
    } catch (fault) {
      engine.kill();
      throw fault;
    }
    return engine;
  }

  get pid(): number {
    return this.child.pid ?? Number.NaN;
  }

  /** Its one answer; where it takes longer than it may, it is interrupted, and killed a second later. */
  ask(order: Order, ms: number): Promise<Told> {
    return new Promise((resolve, reject) => {
      if (this.dead) return reject(new Error('the process of the question ended'));
      let timers: NodeJS.Timeout[] = [];
      const stop = () => timers.forEach(clearTimeout);
      const start = (most: number) => {
        stop();
        const interrupt = () => this.child.send({ kind: 'interrupt' } satisfies Order, this.lost);
        timers = [setTimeout(interrupt, most), setTimeout(() => this.kill(), most + 1_000)];
      };
      const end = () => {
        stop();
        clearInterval(this.watching);
        this.hear = this.fall = undefined;
      };
      start(ms);
      this.watching = setInterval(() => void this.watch(), WATCH_MS);
      this.hear = (told) => {
        if (told.kind === 'laid') return start(WRITE_MS);
        end();
        resolve(told);
      };
      this.fall = (why) => {
        end();
        reject(why);
      };
      this.child.send(order, this.lost);
    });
  }

  /** For what has no answer. */
  say(order: Order): void {
    if (!this.dead) this.child.send(order, this.lost);
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  async close(): Promise<void> {
    const gone = this.dead ? undefined : once(this.child, 'exit');
    this.kill();
    await gone;
  }

  private readonly lost = (fault: Error | null): void => {
    if (fault) this.ended(fault);
  };

  private ended(why: Error): void {
    this.fall?.(why);
    if (this.dead) return;
    this.dead = true;
    void rm(this.scratch, { recursive: true, force: true });
  }

  /** DuckDB bounds what it keeps itself, not all that its functions take. */
  private async watch(): Promise<void> {
    const pages = Number((await readFile(`/proc/${this.pid}/statm`, 'utf8').catch(() => '')).split(' ')[1]);
    if (!(pages * PAGE_BYTES > this.mostBytes)) return;
    this.tooLarge = true;
    this.kill();
  }
}
