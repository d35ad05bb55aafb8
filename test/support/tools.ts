import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './system.js';

/** A folder that other users may look into, as some programs change theirs. */
export function openFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `mutirao-${name}-`));
}

/** A port that was free a moment ago. */
export async function aPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export interface Running {
  pid: number;
  folder: string;
  log: () => string;
  signal: (name: NodeJS.Signals) => void;
  stop: () => Promise<void>;
}

/** Runs until it is stopped; what it says lies in a file of its folder, which goes with it. */
export async function runTool(
  program: string,
  args: readonly string[],
  folder: string,
  answers: () => boolean | Promise<boolean>,
): Promise<Running> {
  const file = join(folder, 'said.log');
  const output = openSync(file, 'a');
  const child: ChildProcess = spawn(program, args, { cwd: folder, stdio: ['ignore', output, output] });
  closeSync(output);
  const log = () => readFileSync(file, 'utf8');
  const state = { ended: false };
  const gone = once(child, 'exit').then(() => (state.ended = true));
  const stop = async () => {
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await gone;
    clearTimeout(kill);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(async () => {
      if (state.ended) throw new Error(`${program} ended: ${log()}`);
      return answers();
    }, 15_000);
  } catch (fault) {
    await stop();
    throw fault;
  }
  return { pid: child.pid ?? 0, folder, log, signal: (signal) => void child.kill(signal), stop };
}
