import { execFile } from 'node:child_process';
import { chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import pg from 'pg';
import type { Log } from '../observability/log.js';
import { EngineFailed, type Command, type EnginePlan } from './engine.js';
import { isForeign } from './leftovers.js';
import { postgresProgram } from './postgres-program.js';

const DATABASE = 'mutirao';
const PORT = 5432;
const UNFINISHED = '.unfinished-';

export interface PostgresOptions {
  dataDir: string;
  sockets: string;
  maxConnections: number;
  /** False: as the server comes, but for its places. */
  tuned: boolean;
  /** Only throw-away databases of tests go without. */
  durable: boolean;
  /** False: as if the kernel allowed no user namespaces. */
  namespaces: boolean;
}

export function postgresPlan(options: PostgresOptions, log: Log): EnginePlan & { url: string } {
  const program = postgresProgram(options.dataDir, log, options.namespaces);
  const sockets = program.run ?? options.sockets;
  const url = (database: string) => `postgres://postgres@localhost/${database}?host=${encodeURIComponent(sockets)}&port=${PORT}`;
  return {
    name: 'PostgreSQL',
    folder: program.data,
    logFile: join(options.dataDir, 'postgres.log'),
    url: url(DATABASE),
    async prepare(signal) {
      if (isNew(program.data)) await makeCluster(program.data, program.command, signal);
      forgetDead(program.data, sockets);
      return program.command('postgres', ['-D', program.data, ...settings(options, sockets)]);
    },
    isReady: () => answers(url('postgres')),
    // A postmaster that was killed can hold its lock until the kernel has buried it.
    mend: (lastLines) => /lock file|shared memory block/.test(lastLines),
  };
}

/** Only what is surely not there is made anew: what may not be looked at, or is something else, may be somebody's data. */
function isNew(data: string): boolean {
  try {
    const entries = readdirSync(data);
    if (entries.includes('PG_VERSION')) return false;
    if (entries.length === 0) return true;
  } catch (fault) {
    const { code, message } = fault as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !lstatSync(data, { throwIfNoEntry: false })) return true;
    throw new EngineFailed(`${data} cannot be read (${message}): start as the user whom it belongs to, or give it to this one`);
  }
  throw new EngineFailed(`${data} holds something else than a database: move it away, or choose another DATA_DIR`);
}

/** Made under another name first, so that a half-made one is never taken for whole. */
async function makeCluster(data: string, command: (name: 'initdb', args: string[]) => Command, signal: AbortSignal) {
  const parent = dirname(data);
  const prefix = basename(data) + UNFINISHED;
  mkdirSync(parent, { recursive: true });
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(prefix)))
    rmSync(join(parent, name), { recursive: true, force: true, maxRetries: 5 });
  const fresh = mkdtempSync(join(parent, prefix));
  // builtin: the order of characters and case do not depend on the machine; LC_CTYPE still serves pg_trgm.
  const locale = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C.UTF-8'];
  const { program, args, ...as } = command('initdb', ['-D', fresh, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', ...locale]);
  if (as.uid !== undefined) chownSync(fresh, as.uid, as.uid);
  await new Promise<void>((resolve, reject) => {
    const child = execFile(program, args, { ...as, env: {} }, (fault, stdout, stderr) => {
      signal.removeEventListener('abort', stop);
      if (fault) reject(new EngineFailed(`initdb failed: ${fault.message}\n${stdout}${stderr}`.trim() + advice(stderr)));
      else resolve();
    });
    const stop = () => child.kill();
    signal.addEventListener('abort', stop);
  });
  rmSync(data, { recursive: true, force: true });
  renameSync(fresh, data);
}

const advice = (said: string) =>
  said.includes('could not look up effective user ID')
    ? '\nPostgreSQL wants a user that /etc/passwd knows: add one, or set DATABASE_URL.'
    : '';

/** Pid files outlive their process, and the number may be somebody else's by now: PostgreSQL would wait for him for ever. */
function forgetDead(data: string, sockets: string): void {
  for (const name of [`.s.PGSQL.${PORT}`, `.s.PGSQL.${PORT}.lock`]) rmSync(join(sockets, name), { force: true });
  const file = join(data, 'postmaster.pid');
  if (existsSync(file) && isForeign(Number.parseInt(readFileSync(file, 'utf8'), 10), data)) rmSync(file);
}

function settings({ maxConnections, durable, tuned }: PostgresOptions, sockets: string): string[] {
  const safety = durable ? 'on' : 'off';
  const places = {
    listen_addresses: '',
    port: PORT,
    unix_socket_directories: `"${sockets.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
  };
  const told = {
    max_connections: maxConnections,
    fsync: safety,
    synchronous_commit: safety,
    full_page_writes: safety,
    shared_buffers: '128MB',
    work_mem: '8MB',
    maintenance_work_mem: '128MB',
    wal_compression: 'pglz',
    max_wal_size: '2GB',
    checkpoint_timeout: '15min',
    random_page_cost: 1.1,
    jit: 'off',
    autovacuum_naptime: '10s',
    autovacuum_vacuum_cost_delay: '1ms',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
  };
  return Object.entries<string | number>(tuned ? { ...places, ...told } : places).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
