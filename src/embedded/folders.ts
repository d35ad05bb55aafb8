import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** Step by step: Node's own way to make a folder with its parents never ends where a file system answers oddly, as /proc does. */
export function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'EEXIST') throw fault;
  }
}
