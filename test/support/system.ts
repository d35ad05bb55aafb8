import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

export interface Line {
  msg: string;
  [fact: string]: unknown;
}

export interface Ready extends Line {
  url: string;
  role: string;
  embedded: { postgres: boolean; redis: boolean };
}

export interface Found {
  pid: number;
  command: string;
}

interface Wanted {
  env?: Readonly<Record<string, string>>;
  args?: readonly string[];
  /** What is run, relative to the checkout. */
  script?: string;
  /** Kept by the caller, who also removes it; without one, a folder that goes with the system. */
  dataDir?: string;
  /** Where it is started, and looks for a file `.env`. */
  cwd?: string;
  /** False: nobody reads what the system logs. */
  reads?: boolean;
}

export type System = ReturnType<typeof startSystem>;

/** The real thing with its supervisor, in a process group of its own, with nothing configured but what is given. */
export function startSystem({ env = {}, args = [], script = '.build/src/cluster.js', dataDir, cwd, reads = true }: Wanted = {}) {
  const folder = dataDir ?? aFolder().made;
  const began = performance.now();
  const child = spawn(process.execPath, [resolve(script), ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', DATA_DIR: folder, OVERLOAD_DELAY_MS: '0', ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const pid = child.pid ?? 0;
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  if (reads)
    createInterface(child.stdout).on('line', (text) => {
      lines.push(text.startsWith('{') ? (JSON.parse(text) as Line) : { msg: text });
      for (const look of waiting) look();
    });
  const exit = once(child, reads ? 'close' : 'exit').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    afterMs: performance.now() - began,
  }));

  /** The first line after the first `skip` that fits; rejects when the system ends without one. */
  function line(fits: (line: Line) => boolean, skip = 0): Promise<Line> {
    return new Promise((found, reject) => {
      const look = () => {
        const hit = lines.slice(skip).find(fits);
        if (!hit) return;
        waiting.delete(look);
        found(hit);
      };
      waiting.add(look);
      look();
      void exit.then(({ code }) => reject(new Error(`ended with code ${code}: ${stderr}${lines.map((each) => each.msg).join('\n')}`)));
    });
  }

  const signal = (name: NodeJS.Signals, to: 'supervisor' | 'group' = 'supervisor') => process.kill(to === 'group' ? -pid : pid, name);

  return {
    pid,
    dataDir: folder,
    lines,
    exit,
    line,
    signal,
    get stderr() {
      return stderr;
    },
    async ready(): Promise<Ready> {
      return (await line(({ msg }) => msg === 'ready')) as Ready;
    },
    processes: () => processesOf(folder),
    /** The one process whose command line holds `text`. */
    pidOf(text: string): number {
      const fit = processesOf(folder).filter(({ command }) => command.includes(text));
      if (fit.length !== 1) throw new Error(`${fit.length} processes with ${text}`);
      return fit[0]!.pid;
    },
    stop(name: NodeJS.Signals = 'SIGTERM', to: 'supervisor' | 'group' = 'supervisor') {
      signal(name, to);
      return exit;
    },
    /** Whatever state it is in: nothing is left of it. */
    async end() {
      if (child.exitCode === null && child.signalCode === null) signal('SIGKILL');
      // Before its end is waited for: what stands still would keep the system's output open.
      await until(() => {
        const left = processesOf(folder);
        for (const { pid: one } of left) tryKill(one);
        return left.length === 0;
      });
      await exit;
      if (dataDir === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A folder in a fresh temporary one; whoever makes it removes its root. */
export function aFolder(...inside: string[]) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'mutirao-system-')));
  const made = join(root, ...inside);
  mkdirSync(made, { recursive: true });
  return { root, made };
}

/** The private database, as nobody but this user may reach it. */
export const databaseOf = (dataDir: string) =>
  `postgres://postgres@localhost/mutirao?host=${encodeURIComponent(join(dataDir, 'run'))}&port=5432`;

/** Supervisor, processes and engines that work on a data folder. */
export function processesOf(dataDir: string): Found[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const home = readlinkSync(`/proc/${name}/cwd`);
        const told = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0').includes(`DATA_DIR=${dataDir}`);
        return told || home.startsWith(dataDir) || command.includes(dataDir) ? [{ pid: Number(name), command }] : [];
      } catch {
        return [];
      }
    });
}

/** For what announces itself to nobody: asks again until it holds. */
export async function until(holds: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Not within ${ms} ms: ${holds.toString()}`);
    await new Promise((next) => setTimeout(next, 20));
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}
