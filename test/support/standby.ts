import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import pg from 'pg';
import { postgresProgram } from '../../src/embedded/postgres-program.js';
import { createLog } from '../../src/observability/log.js';
import type { startEngines } from './engines.js';
import { eventually } from './lab.js';

type Primary = Awaited<ReturnType<typeof startEngines>>;

/** A real standby that streams from a private PostgreSQL and can be killed, frozen and started again. */
export async function freshStandby(primary: Primary, name: string, settings: Record<string, string> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'mutirao-standby-'));
  await copy(primary, join(dir, 'postgres'));
  const program = postgresProgram(dir, createLog({ LOG_LEVEL: 'warn', DEBUG: false }, 'standby'));
  const sockets = program.run ?? join(dir, 'run');
  mkdirSync(sockets, { recursive: true });
  const url = `postgres://postgres@localhost/mutirao?host=${encodeURIComponent(sockets)}&port=5432`;
  let server: ChildProcess | undefined;

  const start = async () => {
    rmSync(join(program.data, 'postmaster.pid'), { force: true });
    const all: Record<string, string> = {
      listen_addresses: '',
      unix_socket_directories: sockets,
      cluster_name: name,
      max_connections: '300',
      wal_retrieve_retry_interval: '200ms',
      fsync: 'off',
      ...settings,
    };
    const words = Object.entries(all).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
    const { program: file, args, ...as } = program.command('postgres', ['-D', program.data, ...words]);
    server = spawn(file, args, { ...as, cwd: program.data, stdio: 'ignore', env: {} });
    await eventually(() => answers(url), Boolean);
  };
  const kill = async () => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    server.kill('SIGCONT');
    await gone;
    // What it started ends by itself when it notices.
    await eventually(
      () => answers(url),
      (alive) => !alive,
    );
  };
  const ask = async (sql: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  const listenTo = async (address: string) => {
    await ask(`ALTER SYSTEM SET primary_conninfo = '${address}'`);
    await ask('SELECT pg_reload_conf()');
  };
  await start();
  return {
    url,
    get pid() {
      return server?.pid ?? 0;
    },
    start,
    kill,
    ask,
    /** Hears nothing of its primary any more, and does not know that. */
    deafen: () => listenTo('host=/nowhere'),
    hear: () => listenTo(connectionOf(primary)),
    stop: async () => {
      await kill();
      rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

/** As pg_basebackup does it, which does not come with the programs. */
async function copy(primary: Primary, to: string): Promise<void> {
  const client = new pg.Client({ connectionString: primary.databaseUrl });
  await client.connect();
  try {
    await client.query(`SELECT pg_backup_start('standby', true)`);
    cpSync(join(primary.dataDir, 'postgres'), to, {
      recursive: true,
      filter: (path) => !/^(postmaster\.(pid|opts)|pg_internal\.init)$/.test(basename(path)),
    });
    const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
    writeFileSync(join(to, 'backup_label'), rows[0]?.labelfile ?? '');
    writeFileSync(join(to, 'standby.signal'), '');
    appendFileSync(join(to, 'postgresql.auto.conf'), `primary_conninfo = '${connectionOf(primary)}'\n`);
  } finally {
    await client.end();
  }
}

const connectionOf = (primary: Primary) => {
  const { searchParams, username } = new URL(primary.databaseUrl);
  return `host=${searchParams.get('host')} port=${searchParams.get('port')} user=${username}`;
};

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  client.on('error', () => undefined);
  return client.connect().then(
    () => client.end().then(() => true),
    () => false,
  );
}
