import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { inject } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { databaseNamed, TEMPLATE } from './global-setup.js';

/** A private copy of the migrated database, and a connection to look into it. */
export async function freshDatabase({ empty = false } = {}) {
  const name = `t_${newId().replaceAll('-', '')}`;
  const server = new pg.Client({ connectionString: inject('databaseUrl') });
  await server.connect();
  await server.query(`CREATE DATABASE ${name} ${empty ? '' : `TEMPLATE ${TEMPLATE} STRATEGY file_copy`}`);
  const url = databaseNamed(inject('databaseUrl'), name);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // The server ends these connections when the database is dropped.
  client.on('error', () => undefined);
  return {
    url,
    rows: async <T extends pg.QueryResultRow>(sql: string, values: unknown[] = []) => (await client.query<T>(sql, values)).rows,
    drop: async () => {
      await client.end();
      await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await server.end();
    },
  };
}

/** A private Redis that can be killed, frozen, filled and started again. */
export async function freshRedis(settings: Record<string, string> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'mutirao-redis-'));
  const path = join(dir, 'redis.sock');
  let server: ChildProcess;
  const start = async () => {
    const all: Record<string, string> = {
      port: '0',
      unixsocket: path,
      dir,
      save: '',
      appendonly: 'no',
      'maxmemory-policy': 'noeviction',
      ...settings,
    };
    server = spawn(
      'redis-server',
      Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    for await (const chunk of server.stdout ?? [])
      if (String(chunk).includes('ready to accept') || String(chunk).includes('Ready to accept')) break;
    server.stdout?.resume();
  };
  const end = async (signal: NodeJS.Signals) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, 'exit');
    server.kill(signal);
    if (signal !== 'SIGKILL') server.kill('SIGCONT');
    await gone;
  };
  await start();
  return {
    url: `unix://${path}`,
    start,
    kill: () => end('SIGKILL'),
    freeze: () => server.kill('SIGSTOP'),
    thaw: () => server.kill('SIGCONT'),
    ask: async <T>(question: (client: Redis) => Promise<T>): Promise<T> => {
      const client = new Redis({ path });
      try {
        return await question(client);
      } finally {
        client.disconnect();
      }
    },
    stop: async () => {
      await end('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
  };
}
