import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DataSource } from 'typeorm';
import { Replicas } from '../../src/database/replicas.js';
import { migrate } from '../../src/database/migrate.js';
import { schema } from '../../src/schema.js';
import { QueueState } from '../../src/outbox/outbox.entity.js';
import { openApp } from '../support/app.js';
import { databaseConfig, openDatabase, refusalOf } from '../support/database.js';
import { startEngines } from '../support/engines.js';
import { signalTree } from '../support/freeze.js';
import { eventually, labEnvironment } from '../support/lab.js';
import { recordedLog, type LogLine } from '../support/recorded-log.js';
import { freshStandby } from '../support/standby.js';

const PRIMARY = '';
/** Asked every 2 s, and given a second and a half to answer. */
const FOUND_OUT_MS = 3_500;
const SLACK_MS = 2_000;

let primary: Awaited<ReturnType<typeof startEngines>>;
let a: Awaited<ReturnType<typeof freshStandby>>;
let b: Awaited<ReturnType<typeof freshStandby>>;
let open: Awaited<ReturnType<typeof openDatabase>>;
let replicas: Replicas;
let lines: LogLine[];

const whoAnswers = async (db: DataSource) => (await db.query<[{ name: string }]>(`SELECT current_setting('cluster_name') AS name`))[0].name;
const read = () => replicas.read(whoAnswers);
const readers = async () => new Set(await Promise.all(Array.from({ length: 8 }, read)));
const until = (...names: string[]) => eventually(readers, (found) => found.size === names.length && names.every((name) => found.has(name)));

beforeAll(async () => {
  primary = await startEngines({ redis: false });
  await migrate(databaseConfig(primary.databaseUrl), schema, recordedLog().log);
  a = await freshStandby(primary, 'a');
  b = await freshStandby(primary, 'b');
  open = await openDatabase(primary.databaseUrl);
});

beforeEach(async () => {
  const recorded = recordedLog();
  lines = recorded.lines;
  const env = { DATABASE_REPLICA_URLS: `${a.url},${b.url}`, PG_STATEMENT_TIMEOUT_MS: '20000' };
  replicas = new Replicas(open.db, databaseConfig(primary.databaseUrl, env), recorded.log);
});

afterEach(() => replicas.onApplicationShutdown());

afterAll(async () => {
  await open.db.destroy();
  await Promise.all([a.stop(), b.stop()]);
  await primary.stop();
});

describe('a replica that', () => {
  it('is dead at the start is left out, and serves once it is there', async () => {
    await b.kill();
    await replicas.onApplicationBootstrap();
    expect([replicas.state, await readers()]).toEqual([{ alive: 1, total: 2 }, new Set(['a'])]);
    await b.start();
    await until('a', 'b');
    expect(replicas.state).toEqual({ alive: 2, total: 2 });
  });

  it('dies while it is read from fails no read, and serves again when it is back', async () => {
    await replicas.onApplicationBootstrap();
    expect(await readers()).toEqual(new Set(['a', 'b']));
    const long = Array.from({ length: 6 }, () =>
      replicas.read((db) => db.query(`SELECT pg_sleep(0.5), current_setting('cluster_name') AS name`)),
    );
    await a.kill();
    const after = await Promise.all(Array.from({ length: 40 }, read));
    expect(after).not.toContain('a');
    expect((await Promise.all(long)) as unknown[]).toHaveLength(6);
    expect(replicas.state.alive).toBe(1);
    await a.start();
    await until('a', 'b');
    expect(lines.map(({ msg }) => msg)).toEqual([
      'replica serves reads',
      'replica serves reads',
      'replica is left out',
      'replica serves reads',
    ]);
  });

  it('freezes lets go of its readers as soon as that is found out', async () => {
    await replicas.onApplicationBootstrap();
    await readers();
    signalTree(a.pid, 'SIGSTOP');
    try {
      const began = performance.now();
      const found = await Promise.all(Array.from({ length: 10 }, read));
      expect(new Set(found)).toEqual(new Set(['b', PRIMARY]));
      expect(performance.now() - began).toBeLessThan(FOUND_OUT_MS + SLACK_MS);
      expect([replicas.state.alive, await readers()]).toEqual([1, new Set(['b'])]);
    } finally {
      signalTree(a.pid, 'SIGCONT');
    }
    await until('a', 'b');
  });

  it('is behind, or hears no more of the primary, is left out until it has caught up', async () => {
    await replicas.onApplicationBootstrap();
    await a.ask('SELECT pg_wal_replay_pause()');
    await b.deafen();
    await open.db.query('CREATE TABLE fresh (n int)');
    const writing = setInterval(() => void open.db.query('INSERT INTO fresh VALUES (1)'), 100);
    try {
      await until(PRIMARY);
    } finally {
      clearInterval(writing);
    }
    expect(replicas.state).toEqual({ alive: 0, total: 2 });
    await a.ask('SELECT pg_wal_replay_resume()');
    await b.hear();
    await until('a', 'b');
    const [{ n }] = await open.db.query<[{ n: number }]>('SELECT count(*)::int AS n FROM fresh');
    const counted = () => replicas.read(async (db) => (await db.query<[{ n: number }]>('SELECT count(*)::int AS n FROM fresh'))[0].n);
    await eventually(counted, (found) => found === n);
  });

  it('is asked to write refuses, and the primary is not asked in its place', async () => {
    await replicas.onApplicationBootstrap();
    const fault = await refusalOf(replicas.read((db) => db.query(`INSERT INTO queue_states (queue) VALUES ('x')`)));
    expect(fault).toMatchObject({ code: '25006' });
    expect([replicas.state.alive, await replicas.read((db) => db.manager.find(QueueState))]).toEqual([2, []]);
  });

  it('cancels a read which is in the way of what it replays is not left out: the primary answers', async () => {
    await replicas.onApplicationBootstrap();
    const cancelled = await replicas.read(async (db) => {
      const name = await whoAnswers(db);
      if (name !== PRIMARY) await db.query(`DO $$ BEGIN RAISE EXCEPTION 'conflict with recovery' USING ERRCODE = '40001'; END $$`);
      return name;
    });
    expect([cancelled, replicas.state.alive]).toEqual([PRIMARY, 2]);
  });
});

describe('without any living replica', () => {
  it('the primary is read, and the application starts and is healthy', async () => {
    await Promise.all([a.kill(), b.kill()]);
    await replicas.onApplicationBootstrap();
    expect([replicas.state, await readers()]).toEqual([{ alive: 0, total: 2 }, new Set([PRIMARY])]);
    const env = { APP_ROLE: 'api', DATABASE_REPLICA_URLS: `${a.url},postgres://word-of-user:word-of-secret@127.0.0.1:1/a` };
    const system = await openApp(labEnvironment(primary.databaseUrl, 'unix:///nowhere', env));
    const { status, json, text } = await system.ask('/health');
    await system.app.close();
    expect([status, json.details]).toMatchObject([200, { database: { status: 'up', replicas: { alive: 0, total: 2 } } }]);
    expect(text + JSON.stringify(system.lines)).not.toContain('word-of');
  });
});
