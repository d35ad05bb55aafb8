// Programs of Debian that tests run beside the system: those of this machine, else unpacked below .engines, with nothing installed or started.
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const engines = fileURLToPath(new URL('../.engines', import.meta.url));
const folders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const packages = {
  nginx: 'nginx',
  pgbouncer: 'pgbouncer',
  pgbench: 'postgresql-client',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  'prometheus-alertmanager': 'prometheus-alertmanager',
  amtool: 'prometheus-alertmanager',
};
const BRIEFLY = ['-q', '-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=10'];

/** Where each program is; of those that cannot be had, why. */
export function tools(names = Object.keys(packages)) {
  const found = {};
  const faults = {};
  for (const name of names) {
    const program = onMachine(name) ?? unpacked(name);
    if (program) found[name] = program;
    else faults[name] = fetched(name);
    if (faults[name] === undefined) {
      delete faults[name];
      found[name] ??= unpacked(name);
    }
  }
  return { found, faults };
}

const isProgram = (file) => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const onMachine = (name) => folders.map((folder) => join(folder, name)).find(isProgram);

const homeOf = (name) => join(engines, packages[name]);
const unpacked = (name) => [join(homeOf(name), 'run', name)].find(isProgram);

/** Undefined when it lies below .engines now. */
function fetched(name) {
  const advice = `${name} is needed and cannot be had: install the package ${packages[name]} of Debian, or let apt-get reach its servers`;
  if (run('apt-get', ['--version']).status !== 0) return `${advice} (no apt-get here)`;
  mkdirSync(engines, { recursive: true });
  const work = mkdtempSync(join(engines, 'unfinished-'));
  try {
    const missing = missingFor(packages[name]);
    if (missing.length === 0) return `${advice} (apt-get knows no such package)`;
    const loaded = run('apt-get', [...BRIEFLY, ...lists(), 'download', ...missing], work);
    const archives = readdirSync(work).filter((file) => file.endsWith('.deb'));
    if (archives.length < missing.length) return `${advice} (${lastLine(loaded.stderr)})`;
    for (const file of archives) {
      const opened = run('dpkg-deb', ['-x', file, 'root'], work);
      rmSync(join(work, file));
      if (opened.status !== 0) return `${advice} (${lastLine(opened.stderr)})`;
    }
    makeRunnable(work, homeOf(name));
    rmSync(homeOf(name), { recursive: true, force: true });
    renameSync(work, homeOf(name));
    return unpacked(name) ? undefined : `${advice} (it is not in the package)`;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The package and what it needs that this machine has not. */
function missingFor(name) {
  const ask = () =>
    [
      ...run('apt-get', [...BRIEFLY, ...lists(), 'install', '--simulate', '--no-install-recommends', name]).stdout.matchAll(
        /^Inst (\S+)/gm,
      ),
    ].map(([, found]) => found);
  const first = ask();
  if (first.length > 0) return first;
  run('apt-get', [...BRIEFLY, ...lists(), 'update']);
  return ask();
}

/** Where this user may not write the machine's lists of packages and there are none, they are kept here. */
function lists() {
  const known = existsSync('/var/lib/apt/lists') && readdirSync('/var/lib/apt/lists').some((file) => file.includes('_Packages'));
  if (known || process.getuid?.() === 0) return [];
  const own = join(engines, 'apt');
  mkdirSync(join(own, 'lists', 'partial'), { recursive: true });
  mkdirSync(join(own, 'cache', 'archives', 'partial'), { recursive: true });
  return ['-o', `Dir::State::lists=${join(own, 'lists')}`, '-o', `Dir::Cache=${join(own, 'cache')}`];
}

/** One short script for each program, which finds the libraries that lie beside it. */
function makeRunnable(work, home) {
  const root = join(work, 'root');
  mkdirSync(join(work, 'run'));
  const places = ['usr/sbin', 'usr/bin', ...versions(join(root, 'usr/lib/postgresql')).map((v) => `usr/lib/postgresql/${v}/bin`)];
  const libraries = ['usr/lib', 'lib'].flatMap((top) =>
    versions(join(root, top))
      .filter((part) => part.includes('-linux-'))
      .map((part) => join(home, 'root', top, part)),
  );
  for (const place of places)
    for (const program of versions(join(root, place))) {
      const script = join(work, 'run', program);
      writeFileSync(script, `#!/bin/sh\nLD_LIBRARY_PATH='${libraries.join(':')}' exec '${join(home, 'root', place, program)}' "$@"\n`);
      chmodSync(script, 0o755);
    }
}

const versions = (folder) => (existsSync(folder) ? readdirSync(folder) : []);
const lastLine = (text) => text.trim().split('\n').at(-1) ?? '';
const run = (program, args, cwd) => {
  const done = spawnSync(program, args, { cwd, encoding: 'utf8', env: { PATH: folders.join(':'), LC_ALL: 'C' } });
  return { status: done.status, stdout: done.stdout ?? '', stderr: done.stderr ?? '' };
};

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.stdout.write(`${JSON.stringify(tools(process.argv.length > 2 ? process.argv.slice(2) : undefined))}\n`);
