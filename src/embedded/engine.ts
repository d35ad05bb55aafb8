import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { pause } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { Backoff } from './backoff.js';
import { endLeftovers } from './leftovers.js';

const LARGEST_LOG = 10 * 1024 * 1024;
const SHOWN = 4_000;
const MENDING_MS = 10_000;

export interface Command {
  program: string;
  args: string[];
  argv0?: string;
  uid?: number;
  gid?: number;
}

/** What an engine brings; how it is kept running is the same for all. */
export interface EnginePlan {
  name: string;
  /** Its working folder, made by `prepare` where it is missing. */
  folder: string;
  logFile: string;
  /** Before every start, when nothing of an earlier one is left. */
  prepare(signal: AbortSignal): Promise<Command>;
  isReady(): Promise<boolean>;
  /** What may be mended after a start that failed; true: one more try is worth it. */
  mend(lastLines: string): boolean;
}

export class EngineFailed extends Error {
  override readonly name = 'EngineFailed';
}

export class Engine {
  private child: ChildProcess | undefined;
  private ended: Promise<string> = Promise.resolve('not started');
  private launching: Promise<void> = Promise.resolve();
  private readonly stopping = new AbortController();
  private readonly backoff = new Backoff();

  constructor(
    private readonly plan: EnginePlan,
    private readonly log: Log,
  ) {}

  get name(): string {
    return this.plan.name;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Resolves when it answers. From then on it is started again whenever it ends. */
  async start(): Promise<void> {
    const until = performance.now() + MENDING_MS;
    for (;;) {
      try {
        await (this.launching = this.launch());
        return;
      } catch (fault) {
        if (this.stopping.signal.aborted || performance.now() > until) throw fault;
        if (!(fault instanceof EngineFailed) || !this.plan.mend(fault.message)) throw fault;
        await pause(250, this.stopping.signal);
      }
    }
  }

  /** Both engines take SIGINT as: finish and store what you have. */
  async stop(quitAfterMs: number, killAfterMs: number): Promise<void> {
    this.stopping.abort();
    const send = (signal: NodeJS.Signals) => this.child?.kill(signal);
    send('SIGINT');
    const quit = setTimeout(send, quitAfterMs, 'SIGQUIT');
    const kill = setTimeout(send, killAfterMs, 'SIGKILL');
    await this.launching.catch(() => undefined);
    await this.ended;
    clearTimeout(quit);
    clearTimeout(kill);
  }

  private async launch(): Promise<void> {
    const { plan, log } = this;
    await endLeftovers(plan.folder, log, this.stopping.signal);
    const command = await plan.prepare(this.stopping.signal);
    this.stopping.signal.throwIfAborted();
    if (existsSync(plan.logFile) && statSync(plan.logFile).size > LARGEST_LOG) renameSync(plan.logFile, `${plan.logFile}.old`);
    const output = openSync(plan.logFile, 'a', 0o600);
    const before = fstatSync(output).size;
    const { program, args, ...as } = command;
    // A group of its own: Ctrl-C reaches everything in the terminal's group, and engines end last.
    const child = spawn(program, args, { ...as, cwd: plan.folder, detached: true, stdio: ['ignore', output, output], env: {} });
    closeSync(output);
    const began = performance.now();
    let reason: string | undefined;
    this.child = child;
    this.ended = new Promise<string>((resolve) => {
      child.once('error', (fault) => resolve(fault.message));
      child.once('exit', (code, signal) => resolve(signal === null ? `code ${code}` : `signal ${signal}`));
    }).then((why) => {
      this.child = undefined;
      return (reason = why);
    });
    while (!(await plan.isReady())) {
      await Promise.race([this.ended, pause(20)]);
      if (reason !== undefined) throw new EngineFailed(`${plan.name} ended with ${reason}:\n${linesSince(plan.logFile, before)}`);
    }
    void this.ended.then((why) => this.retry(`it ended with ${why}`, performance.now() - began));
  }

  /** Starts it again after a while, and goes on until it answers. */
  async retry(fault: unknown, aliveMs = 0): Promise<void> {
    if (this.stopping.signal.aborted) return;
    const waitMs = this.backoff.next(aliveMs);
    const reason = fault instanceof Error ? fault.message : String(fault);
    this.log.error({ engine: this.name, reason, waitMs }, `${this.name} does not run, starting it again`);
    await pause(waitMs, this.stopping.signal);
    await this.start().then(
      () => this.log.info({ engine: this.name }, `${this.name} runs again`),
      (again: unknown) => this.retry(again),
    );
  }
}

function linesSince(file: string, position: number): string {
  const handle = openSync(file, 'r');
  try {
    const { size } = fstatSync(handle);
    const from = Math.max(position, size - SHOWN);
    const text = Buffer.alloc(size - from);
    readSync(handle, text, 0, text.length, from);
    return text.toString('utf8').trim();
  } finally {
    closeSync(handle);
  }
}
