import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from './folders.js';
import { EngineFailed } from './engine.js';

/** What a socket's path may measure, less the longest name put into the folder. */
const LONGEST = 103 - '/.s.PGSQL.5432'.length;

export const nameOf = (folder: string): string => createHash('sha256').update(folder).digest('hex').slice(0, 16);

/** A folder for the engines' sockets that only this user may enter. */
export function socketFolder(dataDir: string): string {
  const inside = join(dataDir, 'run');
  const folder = Buffer.byteLength(inside) <= LONGEST ? inside : join(tmpdir(), `mutirao-${process.getuid?.()}-${nameOf(dataDir)}`);
  makeFolder(folder);
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0)
    throw new EngineFailed(`${folder}: expected a folder that only this user may enter`);
  return folder;
}
