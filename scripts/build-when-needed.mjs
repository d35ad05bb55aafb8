import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const stamp = join(dist, '.stamp');
const entry = join(dist, 'src', 'cluster.js');
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

/** Compiles `src` to `dist` when `dist` does not come from just these sources. Says why when it cannot, and ends the process. */
export async function buildWhenNeeded() {
  if (!existsSync(join(root, 'src')) || isFresh()) return;
  if (!existsSync(compiler)) {
    if (existsSync(entry) && isNewer()) return;
    giveUp('The system has to be built and the compiler is not installed: run "npm ci --include=dev && npm run build" first.');
  }
  await alone(async () => {
    if (isFresh()) return;
    process.stderr.write('Building…\n');
    const sources = fingerprint();
    // Without its stamp, a build may have been cut short.
    if (!existsSync(stamp)) rmSync(dist, { recursive: true, force: true });
    rmSync(stamp, { force: true });
    if ((await compile()) !== 0) giveUp('The system could not be built: the lines above say why.');
    writeFileSync(stamp, sources);
  });
}

function giveUp(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

function sourceFiles() {
  const inside = readdirSync(join(root, 'src'), { recursive: true }).map((name) => join('src', name));
  return [
    'ormconfig.ts',
    'openapi.json',
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    ...inside.filter((name) => name.endsWith('.ts')).sort(),
  ];
}

function fingerprint() {
  const hash = createHash('sha256');
  for (const name of sourceFiles())
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(root, name)))
      .update('\0');
  return hash.digest('hex');
}

const isFresh = () => existsSync(entry) && existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint();

function isNewer() {
  const built = statSync(entry).mtimeMs;
  return sourceFiles().every((name) => statSync(join(root, name)).mtimeMs <= built);
}

function compile() {
  return new Promise((resolve, reject) => {
    // Standard output belongs to the log.
    const child = spawn(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], { stdio: ['ignore', 2, 2] });
    const stop = () => {
      child.kill();
      process.exit(0);
    };
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, stop);
    child.once('error', reject);
    child.once('exit', (code) => {
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.off(signal, stop);
      resolve(code);
    });
  });
}

/** One build at a time: a listening socket is the lock, as the kernel takes it from a process that dies. */
async function alone(work) {
  const name = `mutirao-build-${createHash('sha256').update(dist).digest('hex').slice(0, 16)}`;
  const path = process.platform === 'linux' ? `\0${name}` : join(tmpdir(), name);
  const links = new Set();
  for (;;) {
    const server = await new Promise((resolve) => {
      const candidate = createServer((link) => links.add(link.on('error', () => undefined)));
      candidate.once('error', () => resolve(undefined));
      candidate.listen(path, () => resolve(candidate));
    });
    if (server) {
      try {
        return await work();
      } finally {
        server.close();
        for (const link of links) link.destroy();
      }
    }
    await new Promise((resolve) => {
      connect(path)
        .once('error', (fault) => {
          if (fault.code === 'ECONNREFUSED' && process.platform !== 'linux') rmSync(path, { force: true });
        })
        .once('close', resolve)
        .resume();
    });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildWhenNeeded();
