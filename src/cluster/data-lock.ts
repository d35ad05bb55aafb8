import { accessSync, constants, realpathSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { pause } from '../kernel/waiting.js';
import { makeFolder } from '../embedded/folders.js';
import { nameOf, socketFolder } from '../embedded/sockets.js';
import { CannotStart } from './cannot-start.js';

const ANSWER_MS = 500;
/** A predecessor that is stopping may need a moment; a refusal comes within three seconds all the same. */
const PATIENCE_MS = 1_000;

/**
 * One supervisor per data folder. A socket that listens is the lock, as the kernel takes it from a process that dies,
 * which no pid file knows; whoever comes second asks it for the holder.
 */
export async function lockDataDir(folder: string, signal: AbortSignal): Promise<Server> {
  const path = lockPath(folder);
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const lock = await listen(path);
    if (lock) {
      if (process.platform === 'linux') await lockForStrangers(folder);
      return lock;
    }
    const pid = await holder(path);
    // A socket's file outlives a supervisor that was killed; a name in the abstract namespace does not.
    if (pid === undefined && process.platform !== 'linux') rmSync(path, { force: true });
    else if (performance.now() > until)
      throw new CannotStart(
        `DATA_DIR ${folder} is in use by ${pid ? `process ${pid}` : 'another process'}: stop that one, or choose another DATA_DIR`,
      );
    await pause(50, signal);
    signal.throwIfAborted();
  }
}

/** The abstract name ends with the network namespace; a container on the same folder meets the socket within it. */
async function lockForStrangers(folder: string): Promise<void> {
  const path = join(socketFolder(realpathSync(folder)), 'lock.sock');
  if ((await holder(path)) !== undefined)
    throw new CannotStart(`DATA_DIR ${folder} is in use from another container: stop that one, or choose another DATA_DIR`);
  rmSync(path, { force: true });
  await listen(path);
}

function lockPath(folder: string): string {
  try {
    makeFolder(folder);
    const dataDir = realpathSync(folder);
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    return process.platform === 'linux' ? `\0mutirao-${nameOf(dataDir)}` : join(socketFolder(dataDir), 'lock.sock');
  } catch (fault) {
    throw new CannotStart(`DATA_DIR ${folder} cannot be used: ${(fault as Error).message}`);
  }
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((link) => {
      link.on('error', () => undefined);
      link.end(String(process.pid));
    });
    server.once('error', (fault: NodeJS.ErrnoException) => (fault.code === 'EADDRINUSE' ? resolve(undefined) : reject(fault)));
    server.listen(path, () => resolve(server.unref()));
  });
}

/** The holder's pid, '' when it holds but does not answer, undefined when nobody listens. */
function holder(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const link = connect(path)
      .setEncoding('utf8')
      .setTimeout(ANSWER_MS, () => link.destroy());
    let pid: string | undefined;
    link.once('connect', () => (pid = ''));
    link.on('data', (text: string) => (pid = text));
    link.once('error', () => undefined);
    link.once('close', () => resolve(pid));
  });
}
