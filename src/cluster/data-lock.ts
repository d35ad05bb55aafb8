import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { nameOf, socketFolder } from '../embedded/sockets.js';
import { CannotStart } from './cannot-start.js';

const ANSWER_MS = 1_000;

/**
 * One supervisor per data folder. A socket that listens is the lock, as the kernel takes it from a process that dies,
 * which no pid file knows; whoever comes second asks it for the holder.
 */
export async function lockDataDir(folder: string): Promise<Server> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const dataDir = realpathSync(folder);
  if (process.platform === 'linux') {
    const name = `\0mutirao-${nameOf(dataDir)}`;
    return (await listen(name)) ?? inUse(folder, await holder(name));
  }
  const path = join(socketFolder(dataDir), 'lock.sock');
  const first = await listen(path);
  if (first) return first;
  const owner = await holder(path);
  if (owner !== undefined) return inUse(folder, owner);
  // Nobody listens: the file is what a dead supervisor left.
  rmSync(path, { force: true });
  return (await listen(path)) ?? inUse(folder, await holder(path));
}

function inUse(folder: string, pid: string | undefined): never {
  throw new CannotStart(
    `DATA_DIR ${folder} is in use by ${pid ? `process ${pid}` : 'another process'}: stop that one, or choose another DATA_DIR`,
  );
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
