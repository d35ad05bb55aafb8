import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export const SYSTEM = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** The first of `names` that PATH knows. */
export function onPath(names: readonly string[], path: string | undefined): string | undefined {
  return find(names, path?.split(delimiter).filter(Boolean) ?? SYSTEM);
}

/** The same for what belongs to the system, wherever PATH points. */
export function ofSystem(names: readonly string[]): string | undefined {
  return find(names, SYSTEM);
}

function find(names: readonly string[], folders: readonly string[]): string | undefined {
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
