import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { resolve } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { migrate } from '../../src/database/migrate.js';
import { databaseOptions } from '../../src/database/options.js';
import { schema } from '../../src/schema.js';
import { databaseConfig, refusalOf } from '../support/database.js';
import { freshDatabase } from '../support/fresh.js';
import { eventually } from '../support/lab.js';
import { recordedLog } from '../support/recorded-log.js';

const cli = resolve('.build/src/cli/mutirao.js');
const typeorm = resolve('node_modules/typeorm/cli.js');
const source = ['-d', resolve('.build/ormconfig.js')];
const known = (schema.migrations as (new () => object)[]).map(({ name }) => name);

let database: Awaited<ReturnType<typeof freshDatabase>>;

beforeEach(async () => {
  database = await freshDatabase({ empty: true });
});
afterEach(() => database.drop());

function start(script: string, args: string[], url = database.url, env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [script, ...args], {
    env: { PATH: process.env.PATH, DATABASE_URL: url, REDIS_URL: 'unix:///nowhere', SECRET_KEY: 'tests', ...env },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part: string) => (text += part));
  const ended = once(child, 'close').then(([code, signal]) => ({ code: code as number | null, signal: signal as string | null, text }));
  return { child, ended };
}

const run = (script: string, args: string[], url?: string, env?: NodeJS.ProcessEnv) => start(script, args, url, env).ended;
const applied = async () => (await database.rows<{ name: string }>('SELECT name FROM migrations ORDER BY id')).map(({ name }) => name);
const tables = async () =>
  (await database.rows<{ name: string }>(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`)).map(
    ({ name }) => name,
  );
const migrators = () =>
  database.rows<{ pid: number; waits: string | null }>(
    `SELECT pid, wait_event_type AS waits FROM pg_stat_activity WHERE application_name = 'mutirao-migrate' AND datname = current_database()`,
  );

/** Somebody who is making a table of the same name: the migration waits for him in the middle of its transaction. */
async function somebodyInTheWay() {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query('BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; CREATE TABLE queue_states (n int)');
  return { leave: () => client.query('ROLLBACK').then(() => client.end()) };
}

describe('a database that cannot be migrated', () => {
  it('ends with 75 where it does not answer, to be tried again', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket));
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const { port } = silent.address() as AddressInfo;
    const urls = ['postgres://a@127.0.0.1:1/a', 'postgres://a@nowhere.invalid/a', '/a?host=/nowhere', `127.0.0.1:${port}/a`];
    const ends = await Promise.all(urls.map((url) => run(cli, ['migrate'], url.includes('://') ? url : `postgres://${url}`)));
    for (const socket of sockets) socket.destroy();
    silent.close();
    expect(ends.map(({ code }) => code)).toEqual([75, 75, 75, 75]);
    const reasons = [/"host":"127.0.0.1:1".*ECONNREFUSED/, /"host":"nowhere.invalid"/, /"host":"\/nowhere".*ENOENT/, /timeout|terminated/];
    for (const [at, reason] of reasons.entries()) expect(ends[at]?.text).toMatch(reason);
  });

  it('ends with 1 where it refuses, and tells why without a password', async () => {
    const elsewhere = new URL(database.url);
    elsewhere.pathname = '/word-of-nowhere';
    elsewhere.password = 'word-of-secret';
    const nobody = new URL(database.url);
    nobody.username = 'nobody';
    const ends = await Promise.all([elsewhere, nobody].map(({ href }) => run(cli, ['migrate'], href)));
    expect(ends.map(({ code }) => code)).toEqual([1, 1]);
    expect(ends[0]?.text).toMatch(/3D000.*/);
    expect(ends[0]?.text).not.toContain('word-of-secret');
    expect(ends[1]?.text).toMatch(/role .*nobody.* does not exist/);
  });

  it('keeps what was whole before a migration that fails', async () => {
    class First1000000000001 implements MigrationInterface {
      up = (runner: QueryRunner) => runner.query('CREATE TABLE first (n int)');
      down = (runner: QueryRunner) => runner.query('DROP TABLE first');
    }
    class Second1000000000002 implements MigrationInterface {
      up = (runner: QueryRunner) => runner.query('CREATE TABLE second (n int); SELECT 1 / 0');
      down = async () => undefined;
    }
    const config = databaseConfig(database.url);
    const two = { entities: [], migrations: [First1000000000001, Second1000000000002] };
    expect((await refusalOf(migrate(config, two, recordedLog().log))).message).toMatch(/division by zero/);
    expect([await applied(), await tables()]).toEqual([['First1000000000001'], ['first', 'migrations']]);
    expect(await migrators()).toEqual([]);
  });

  it('gives way again and again where somebody holds what it needs, and then gives up', async () => {
    const somebody = await somebodyInTheWay();
    const { code, text } = await run(cli, ['migrate'], database.url, { PG_LOCK_TIMEOUT_MS: '100' });
    await somebody.leave();
    expect([code, await tables()]).toEqual([75, ['migrations']]);
    expect(text.match(/gave way to others/g)).toHaveLength(4);
    expect(text).toMatch(/migration failed.*lock timeout|lock timeout.*migration failed/);
  });
});

describe('migrations', () => {
  it('run once each, however many processes start at once', async () => {
    const somebody = await somebodyInTheWay();
    const five = Array.from({ length: 5 }, () => run(cli, ['migrate'], database.url, { PG_LOCK_TIMEOUT_MS: '60000' }));
    // All of them are there before the first can be through.
    await eventually(migrators, (all) => all.length === 5);
    await somebody.leave();
    const ends = await Promise.all(five);
    expect(ends.map(({ code, text }) => (code === 0 ? 'done' : text))).toEqual(ends.map(() => 'done'));
    expect(await applied()).toEqual(known);
    expect(ends.filter(({ text }) => text.includes('database migrated'))).toHaveLength(1);
  });

  it('complete with the next start after one was killed half-way', async () => {
    const somebody = await somebodyInTheWay();
    const first = start(cli, ['migrate'], database.url, { PG_LOCK_TIMEOUT_MS: '60000' });
    await eventually(migrators, (all) => all.some(({ waits }) => waits === 'Lock'));
    first.child.kill('SIGKILL');
    expect((await first.ended).signal).toBe('SIGKILL');
    // The server finds out by itself that nobody listens any more, and lets go of all locks.
    await eventually(migrators, (all) => all.length === 0);
    const next = start(cli, ['migrate'], database.url, { PG_LOCK_TIMEOUT_MS: '60000' });
    await eventually(migrators, (all) => all.some(({ waits }) => waits === 'Lock'));
    expect(await tables()).toEqual(['migrations']);
    await somebody.leave();
    expect((await next.ended).code).toBe(0);
    expect(await applied()).toEqual(known);
    await expectNoDrift();
  });

  it('give way to whoever holds what they need, and complete after him', async () => {
    const somebody = await somebodyInTheWay();
    const late = start(cli, ['migrate'], database.url, { PG_LOCK_TIMEOUT_MS: '300' });
    await eventually(migrators, (all) => all.some(({ waits }) => waits === 'Lock'));
    await eventually(migrators, (all) => all.some(({ waits }) => waits !== 'Lock'));
    await somebody.leave();
    expect((await late.ended).code).toBe(0);
    expect(await applied()).toEqual(known);
  });

  it('wait for a migrator that stands still, and say so', async () => {
    const first = start(cli, ['migrate'], database.url, { PG_LOCK_TIMEOUT_MS: '60000' });
    const somebody = await somebodyInTheWay();
    await eventually(migrators, (all) => all.some(({ waits }) => waits === 'Lock'));
    const { log, lines } = recordedLog();
    const next = migrate(databaseConfig(database.url), schema, log);
    await eventually(
      async () => lines,
      (all) => all.some(({ msg }) => msg === 'another process migrates, waiting for it'),
    );
    await somebody.leave();
    expect([(await first.ended).code, await next]).toEqual([0, []]);
    expect(await applied()).toEqual(known);
  });

  it('go up, down and up again, with nothing left below', async () => {
    expect((await run(cli, ['migrate'])).code).toBe(0);
    const whole = await tables();
    for (const name of [...known].reverse()) {
      const { code, text } = await run(cli, ['migrate:down']);
      expect([code, text]).toEqual([0, expect.stringContaining(name)]);
    }
    expect([await applied(), await tables()]).toEqual([[], ['migrations']]);
    expect((await run(cli, ['migrate:down'])).code).toBe(0);
    expect((await run(cli, ['migrate'])).code).toBe(0);
    expect([await applied(), await tables()]).toEqual([known, whole]);
    await expectNoDrift();
  });
});

describe('entities and migrations', () => {
  it('agree, and the check tells where they do not', async () => {
    await migrate(databaseConfig(database.url), schema, recordedLog().log);
    await expectNoDrift();
    const check = ['migration:generate', '--check', ...source, 'src/database/migrations/check'];
    expect((await run(typeorm, check)).code).toBe(0);
    for (const change of [
      'ALTER TABLE outbox ADD COLUMN stray int',
      'DROP INDEX outbox_work',
      'ALTER TABLE outbox ALTER COLUMN run_at DROP DEFAULT',
    ]) {
      await database.rows(change);
      const found = await drift();
      expect(found, change).not.toEqual([]);
      for (const mend of found) await database.rows(mend);
      await expectNoDrift();
    }
    await database.rows('ALTER TABLE handled_jobs DROP COLUMN job');
    expect((await run(typeorm, check)).code).toBe(1);
  });

  it('are shown by TypeORM’s own command line', async () => {
    const before = await run(typeorm, ['migration:show', ...source]);
    expect(before.text).toContain(`[ ] ${known[0]}`);
    expect((await run(typeorm, ['migration:run', ...source])).code).toBe(0);
    const after = await run(typeorm, ['migration:show', ...source]);
    expect(after.text).toContain(`[X] 1 ${known[0]}`);
    expect((await run(typeorm, ['migration:revert', ...source])).code).toBe(0);
    expect(await applied()).toEqual(known.slice(0, -1));
  });
});

async function drift(): Promise<string[]> {
  const db = await new DataSource(databaseOptions(databaseConfig(database.url), schema)).initialize();
  try {
    return (await db.driver.createSchemaBuilder().log()).upQueries.map(({ query }) => query);
  } finally {
    await db.destroy();
  }
}

const expectNoDrift = async () => expect(await drift()).toEqual([]);
