import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Connection } from '../load/connection.js';
import { eventually } from '../support/lab.js';
import { startEngines } from '../support/engines.js';
import { aFolder, databaseOf, startSystem, until } from '../support/system.js';

const start = (wanted?: Parameters<typeof startSystem>[0]) => {
  const system = startSystem(wanted);
  onTestFinished(() => system.end());
  return system;
};

const folder = () => {
  const { root, made } = aFolder();
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return made;
};

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

const postmaster = (dataDir: string) => Number.parseInt(readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8'), 10);
const isReady = (url: string) =>
  fetch(`${url}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  );

describe('kill -STOP', () => {
  it('of a process that answers requests: it is ended and another takes its place', async () => {
    const system = start({ env: { WORKERS: '2' } });
    await system.ready();
    const mains = () => system.processes().filter(({ command }) => command.includes('main.js'));
    const still = mains()[0]?.pid ?? 0;
    process.kill(still, 'SIGSTOP');
    await system.line(({ msg, pid }) => msg === 'a process stands still, ending it' && pid === still);
    await until(() => mains().length === 3 && mains().every(({ pid }) => pid !== still));
  });
});

describe('kill -9', () => {
  it('of the supervisor: the next start has the data and ends what was left', async () => {
    const dataDir = folder();
    const first = start({ dataDir, env: { WORKERS: '2' } });
    const { url } = await first.ready();
    await query(databaseOf(dataDir), "CREATE TABLE kept AS SELECT 'a gift' AS what");
    const engines = [postmaster(dataDir), first.pidOf('queue.sock'), first.pidOf('cache.sock')];
    first.signal('SIGKILL');

    const second = start({ dataDir, env: { PORT: new URL(url).port } });
    await second.ready();
    expect(await query(databaseOf(dataDir), 'SELECT what FROM kept')).toEqual([{ what: 'a gift' }]);
    const left = second.processes().map(({ pid }) => pid);
    expect(engines.filter((pid) => left.includes(pid))).toEqual([]);
    expect((await second.stop()).code).toBe(0);
    expect(second.processes()).toEqual([]);
  });

  it('of the supervisor while a process of it stands still: that answers nobody, and the next start ends it, and no stranger', async () => {
    const dataDir = folder();
    const first = start({ dataDir, env: { WORKERS: '2' } });
    const { url } = await first.ready();
    const stranger = (mark: string) => {
      const child = spawn('sleep', ['60'], { env: { PATH: process.env.PATH, MUTIRAO_SUPERVISOR: mark } });
      onTestFinished(() => void child.kill('SIGKILL'));
      child.kill('SIGSTOP');
      return child;
    };
    // One that is looked after, and one that was left by somebody else.
    const others = [stranger(`${process.pid} ${dataDir}`), stranger(`${first.pid} ${dataDir}x`)];
    const mains = first.processes().filter(({ command }) => command.includes('main.js'));
    const kept = await Promise.all([1, 2].map(() => Connection.to(url, 30_000)));
    onTestFinished(() => kept.forEach((connection) => connection.close()));
    for (const connection of kept) expect((await connection.ask('GET', '/health/live')).status).toBe(200);
    for (const { pid } of mains) process.kill(pid, 'SIGSTOP');
    const answers = kept.map((connection) =>
      connection.ask('GET', '/health/live').then(
        ({ status }) => `answered ${status}`,
        () => 'cut off',
      ),
    );
    first.signal('SIGKILL');
    await until(() => first.processes().every(({ pid }) => pid !== first.pid));
    const late = fetch(`${url}/health/live`).then(
      ({ status }) => `answered ${status}`,
      () => 'cut off',
    );

    const second = start({ dataDir, env: { PORT: new URL(url).port } });
    await second.line(
      ({ msg, pids }) => msg === 'ending processes that an earlier run left standing still' && (pids as number[]).length === 3,
    );
    await second.ready();
    expect(await Promise.all([...answers, late])).toEqual(['cut off', 'cut off', 'cut off']);
    const left = second.processes().map(({ pid }) => pid);
    expect(mains.filter(({ pid }) => left.includes(pid))).toEqual([]);
    expect(others.map(({ signalCode }) => signalCode)).toEqual([null, null]);
  });

  it('of the supervisor while a process of it stands still: it ends by itself as soon as it moves', async () => {
    const first = start({ env: { WORKERS: '2' } });
    await first.ready();
    const mains = () => first.processes().filter(({ command }) => command.includes('main.js'));
    const still = mains()[0]!.pid;
    process.kill(still, 'SIGSTOP');
    first.signal('SIGKILL');
    await until(() => mains().length === 1);
    process.kill(still, 'SIGCONT');
    await until(() => mains().length === 0);
  });

  it('of PostgreSQL, Redis and a process while all run: everything comes back under one address', async () => {
    const system = start();
    const { url } = await system.ready();
    const before = [postmaster(system.dataDir), system.pidOf('queue.sock'), system.pidOf('cache.sock'), system.pidOf('main.js')];
    for (const pid of before) process.kill(pid, 'SIGKILL');
    await system.line(({ msg }) => msg === 'PostgreSQL runs again');
    await system.line(({ msg }) => msg === 'Redis for queues runs again');
    await system.line(({ msg }) => msg === 'Redis for caches runs again');
    await until(() => isReady(url));
    const reasons = system.lines.filter(({ reason }) => reason !== undefined).map(({ reason }) => reason);
    expect(reasons).toContain('SIGKILL');
    expect(reasons).toContain('it ended with signal SIGKILL');
    expect(system.processes().filter(({ pid }) => before.includes(pid))).toEqual([]);
  });

  it('during initdb: the next start makes a whole database', async () => {
    const dataDir = folder();
    const first = start({ dataDir });
    await until(() =>
      readdirSync(dataDir).some((name) => name.startsWith('postgres.unfinished-') && existsSync(join(dataDir, name, 'base'))),
    );
    first.signal('SIGKILL');
    for (const { pid, command } of first.processes()) if (command.includes('initdb')) process.kill(pid, 'SIGKILL');
    await first.exit;
    expect(existsSync(join(dataDir, 'postgres'))).toBe(false);

    const second = start({ dataDir });
    await second.ready();
    expect(readdirSync(dataDir).filter((name) => name.startsWith('postgres.unfinished-'))).toEqual([]);
  });
});

describe('what earlier runs left', () => {
  it('never signals a process that only has the number of a pid file', async () => {
    const dataDir = folder();
    const first = await startEngines({ dir: dataDir, redis: false });
    await query(first.databaseUrl, "CREATE TABLE kept AS SELECT 'a gift' AS what");
    await first.stop();
    const foreign = spawn('sleep', ['60'], { cwd: join(dataDir, 'postgres') });
    const ended = once(foreign, 'exit');
    // Even one that is called like ours, but works elsewhere.
    const namesake = spawn('sleep', ['60'], { argv0: 'postgres', cwd: '/' });
    onTestFinished(() => {
      foreign.kill();
      namesake.kill();
    });
    const stale = [foreign.pid, join(dataDir, 'postgres'), 1, 5432, join(dataDir, 'run'), '', '0 0', 'ready'].join('\n');
    writeFileSync(join(dataDir, 'postgres/postmaster.pid'), `${stale}\n`);
    mkdirSync(join(dataDir, 'run'), { mode: 0o700 });
    writeFileSync(join(dataDir, 'run/.s.PGSQL.5432.lock'), `${namesake.pid}\n`);

    const second = await startEngines({ dir: dataDir, redis: false });
    expect(await query(second.databaseUrl, 'SELECT what FROM kept')).toEqual([{ what: 'a gift' }]);
    await second.stop();
    expect([foreign.exitCode, foreign.signalCode, namesake.exitCode, namesake.signalCode]).toEqual([null, null, null, null]);
    foreign.kill();
    await ended;
  });

  it('puts a queue file aside that Redis cannot read', async () => {
    const dataDir = folder();
    const aof = join(dataDir, 'redis-queue/appendonlydir');
    mkdirSync(aof, { recursive: true });
    writeFileSync(join(aof, 'appendonly.aof.manifest'), 'no manifest at all\n');
    const engines = await startEngines({ dir: dataDir, postgres: false });
    expect(engines.redisPid).toBeGreaterThan(0);
    await engines.stop();
    expect(readFileSync(join(dataDir, 'redis-queue.unreadable/appendonlydir/appendonly.aof.manifest'), 'utf8')).toContain('no manifest');
  });

  it.runIf(process.getuid?.() === 0)(
    'moves PostgreSQL to where nobody can reach it when root may use no user namespace, and back',
    async () => {
      const dataDir = folder();
      const inNamespace = await startEngines({ dir: dataDir, redis: false });
      await query(inNamespace.databaseUrl, "CREATE TABLE kept AS SELECT 'a gift' AS what");
      await inNamespace.stop();

      const barred = await startEngines({ dir: dataDir, redis: false, namespaces: false });
      const place = join(dataDir, 'postgres');
      expect(lstatSync(place).isSymbolicLink()).toBe(true);
      onTestFinished(() => rmSync(dirname(realpathSync(place)), { recursive: true, force: true }));
      expect(await query(barred.databaseUrl, 'SELECT what FROM kept')).toEqual([{ what: 'a gift' }]);
      await barred.stop();

      const again = await startEngines({ dir: dataDir, redis: false });
      expect(await query(again.databaseUrl, 'SELECT what FROM kept')).toEqual([{ what: 'a gift' }]);
      await again.stop();
    },
  );

  it.runIf(process.getuid?.() === 0)('serves root on a data folder that belongs to somebody else', async () => {
    const dataDir = folder();
    chownSync(dataDir, 1234, 1234);
    const engines = await startEngines({ dir: dataDir, redis: false });
    onTestFinished(() => rmSync(dirname(realpathSync(join(dataDir, 'postgres'))), { recursive: true, force: true }));
    expect(await query(engines.databaseUrl, "SELECT 'a gift' AS what")).toEqual([{ what: 'a gift' }]);
    await engines.stop();
  });

  it('makes no new database where the data may not be read, or where a move to another place was cut short', async () => {
    const dataDir = folder();
    const first = await startEngines({ dir: dataDir, redis: false });
    await query(first.databaseUrl, "CREATE TABLE kept AS SELECT 'a gift' AS what");
    await first.stop();
    const place = join(dataDir, 'postgres');
    renameSync(place, `${place}.moving`);
    const second = await startEngines({ dir: dataDir, redis: false });
    expect(await query(second.databaseUrl, 'SELECT what FROM kept')).toEqual([{ what: 'a gift' }]);
    await second.stop();

    renameSync(place, join(dataDir, 'hidden'));
    symlinkSync('/nowhere/to/be/read', place);
    await expect(startEngines({ dir: dataDir, redis: false })).rejects.toThrow(/postgres cannot be read .*start as the user/);
    rmSync(place);
    mkdirSync(join(place, 'somebody'), { recursive: true });
    await expect(startEngines({ dir: dataDir, redis: false })).rejects.toThrow(/holds something else than a database/);
  });

  it('starts an engine again though a cleaner took the folder of its socket', async () => {
    const dataDir = folder();
    const engines = await startEngines({ dir: dataDir, redis: false });
    rmSync(join(dataDir, 'run'), { recursive: true });
    process.kill(engines.postgresPid ?? 0, 'SIGKILL');
    await eventually(
      () => query(engines.databaseUrl, 'SELECT 1 AS one').catch(() => []),
      (rows) => rows.length === 1,
    );
    await engines.stop();
  });
});
