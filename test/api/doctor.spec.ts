import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { skewFinding } from '../../src/cli/doctor-postgres.js';
import { filesFinding, nodeFinding, spaceFinding, yearFinding } from '../../src/cli/doctor-machine.js';
import { runDoctor } from '../../src/cli/doctor.js';
import { readConfig, type Environment } from '../../src/config/config.js';
import { migrate } from '../../src/database/migrate.js';
import { createLog } from '../../src/observability/log.js';
import { schema } from '../../src/schema.js';
import { startEngines } from '../support/engines.js';

const folder = mkdtempSync(join(tmpdir(), 'mutirao-doctor-'));
const base = { PORT: '0', DATA_DIR: folder, SECRET_KEY: 'word-of-the-key', PATH: process.env.PATH };
const nowhere = { DATABASE_URL: 'postgres://app:word-of-db@127.0.0.1:1/app', REDIS_URL: 'redis://:word-of-redis@127.0.0.1:1' };
const open: Server[] = [];

async function listening(server: Server): Promise<number> {
  open.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

async function examine(env: Environment) {
  const lines: string[] = [];
  const began = performance.now();
  const code = await runDoctor({ ...base, ...env }, (line) => lines.push(line), folder);
  const of = (level: string) => lines.map((line) => line.trim()).filter((line) => line.startsWith(`${level} `));
  return { code, text: lines.join('\n'), faults: of('fault'), warnings: of('warn'), fine: of('ok'), ms: performance.now() - began };
}

let engines: Awaited<ReturnType<typeof startEngines>>;
let alive: Environment;

beforeAll(async () => {
  engines = await startEngines({ durable: true });
  alive = { DATABASE_URL: engines.databaseUrl, REDIS_URL: engines.redisUrl, CACHE_REDIS_URL: engines.cacheRedisUrl };
});

afterAll(async () => {
  for (const server of open) server.close();
  await engines.stop();
  rmSync(folder, { recursive: true });
});

describe('the doctor finds', () => {
  it('every fault of the configuration, and stops there', async () => {
    const { code, text } = await examine({ PORT: 'x', WORKERS: '0' });
    expect(code).toBe(78);
    expect(text).toMatch(/PORT: expected .*\n.*WORKERS: expected /);
    expect(text).not.toContain('Checks');
  });

  it('servers that are not there', async () => {
    const { code, faults } = await examine({
      ...nowhere,
      DATABASE_REPLICA_URLS: nowhere.DATABASE_URL,
      CACHE_REDIS_URL: 'redis+cluster://127.0.0.1:1,127.0.0.1:1',
    });
    expect(code).toBe(1);
    expect(faults).toEqual([
      expect.stringMatching(/DATABASE_URL .*ECONNREFUSED.*: start the server/),
      expect.stringMatching(/migrations .*ECONNREFUSED/),
      expect.stringMatching(/replica 1 .*ECONNREFUSED/),
      expect.stringMatching(/ REDIS_URL .*ECONNREFUSED.*: start the server/),
      expect.stringMatching(/CACHE_REDIS_URL /),
    ]);
  });

  it('servers that never answer, in time', async () => {
    const sockets: Socket[] = [];
    const port = await listening(createServer((socket) => sockets.push(socket)));
    const { code, faults, ms } = await examine({
      DATABASE_URL: `postgres://127.0.0.1:${port}/app`,
      REDIS_URL: `redis://127.0.0.1:${port}`,
      CACHE_REDIS_URL: `redis+cluster://127.0.0.1:${port}`,
    });
    sockets.forEach((socket) => socket.destroy());
    expect(code).toBe(1);
    expect(faults.map((line) => line.split(/ +/)[1])).toEqual(['DATABASE_URL', 'migrations', 'REDIS_URL', 'CACHE_REDIS_URL']);
    expect(ms).toBeLessThan(4_000);
  });

  it('servers that froze, and ends as a process', async () => {
    const pids = [engines.postgresPid, engines.redisPid, engines.cacheRedisPid].filter((pid) => pid !== undefined);
    expect(pids).toHaveLength(3);
    pids.forEach((pid) => process.kill(pid, 'SIGSTOP'));
    try {
      const child = spawn(process.execPath, [join(process.cwd(), '.build/src/cli/mutirao.js'), 'doctor'], {
        cwd: folder,
        env: { ...base, ...alive },
      });
      let text = '';
      child.stdout.on('data', (part) => (text += String(part)));
      const [code] = (await once(child, 'exit', { signal: AbortSignal.timeout(8_000) })) as [number];
      expect(text).toMatch(/fault +DATABASE_URL .*no answer within[^]*fault +REDIS_URL .*[^]*fault +CACHE_REDIS_URL /);
      expect(code).toBe(1);
    } finally {
      pids.forEach((pid) => process.kill(pid, 'SIGCONT'));
    }
  });

  it('a Redis that may throw jobs away', async () => {
    const { code, faults } = await examine({ ...alive, REDIS_URL: engines.cacheRedisUrl });
    expect([code, faults]).toEqual([1, [expect.stringMatching(/REDIS_URL .*allkeys-lru.*CONFIG SET maxmemory-policy noeviction/)]]);
  });

  it('a database that is not there, on a server that is', async () => {
    const { faults } = await examine({ ...alive, DATABASE_URL: engines.databaseUrl.replace('/mutirao?', '/elsewhere?') });
    expect(faults).toEqual([expect.stringMatching(/"elsewhere" does not exist: create the database/), expect.any(String)]);
  });

  it('a database that may lose what it was given', async () => {
    const careless = await startEngines({ redis: false });
    const { faults } = await examine({ ...alive, DATABASE_URL: careless.databaseUrl });
    await careless.stop();
    expect(faults.map((line) => line.split(/ +/)[1])).toEqual(['fsync', 'synchronous_commit', 'full_page_writes']);
  });

  it('a port that somebody else holds', async () => {
    const port = await listening(createServer((socket) => socket.end()));
    expect((await examine({ ...alive, PORT: String(port) })).faults).toEqual([
      expect.stringMatching(/PORT .*another program holds .*: end it/),
    ]);
  });

  it('an address that is not of this machine', async () => {
    expect((await examine({ ...alive, HOST: '203.0.113.1' })).faults).toEqual([expect.stringMatching(/PORT .*: set HOST to an address/)]);
  });

  it('a folder that cannot be written', async () => {
    const { faults } = await examine({ ...alive, DATA_DIR: '/proc/mutirao' });
    expect(faults).toContainEqual(expect.stringMatching(/DATA_DIR .*nothing can be written to \/proc/));
  });

  it('slips of the pen, a replica that is none, pools beyond what the server allows', async () => {
    writeFileSync(join(folder, '.env'), 'DATABSE_URL=x\n');
    const { warnings } = await examine({ ...alive, DATABASE_REPLICA_URLS: engines.databaseUrl, WORKERS: '7' });
    rmSync(join(folder, '.env'));
    expect(warnings.join('\n')).toMatch(/nothing reads DATABSE_URL[^]*may want 400, the server allows 300[^]*replica 1 +it is no standby/);
  });

  it('a private Redis without a program', async () => {
    const { warnings } = await examine({ PATH: '/nowhere' });
    expect(warnings).toEqual([expect.stringMatching(/private Redis .*: install one/)]);
  });
});

describe('the doctor is content', () => {
  it('when all is well, after it told of migrations to run', async () => {
    expect((await examine(alive)).warnings).toEqual([expect.stringMatching(/migrations +\d+ pending: npm run migrate/)]);
    await migrate(readConfig({ ...base, ...alive }), schema, createLog({ LOG_LEVEL: 'silent', DEBUG: false }, 'doctor'));
    const { code, faults, warnings, fine } = await examine(alive);
    expect([code, faults, warnings]).toEqual([0, [], []]);
    for (const about of [
      'DATABASE_URL',
      'database writes',
      'fsync',
      'clock of',
      'migrations',
      'REDIS_URL',
      'CACHE_REDIS_URL',
      'PORT',
      'DATA_DIR',
    ])
      expect(fine).toContainEqual(expect.stringContaining(about));
  });

  it('with private engines, awake and asleep', async () => {
    const awake = await examine({ DATA_DIR: engines.dataDir });
    expect(awake.fine.join('\n')).toMatch(/private PostgreSQL +runs[^]*DATABASE_URL +PostgreSQL 18[^]*CACHE_REDIS_URL +Redis/);
    const asleep = await examine({});
    expect(asleep.fine.join('\n')).toMatch(/private PostgreSQL +does not run, npm start/);
    expect([awake.code, asleep.code]).toEqual([0, 0]);
  });

  it('when the port is held by the system itself', async () => {
    const port = await listening(createHttpServer((_request, answer) => answer.setHeader('x-request-id', '1').end('{"status":"ok"}')));
    expect((await examine({ ...alive, PORT: String(port) })).fine).toContainEqual(
      expect.stringMatching(/PORT .*served by the running system/),
    );
  });

  it('and shows no secret, whatever it finds', async () => {
    const { text } = await examine({
      ...nowhere,
      SMTP_URL: 'smtp://me:word-of-mail@mail.example',
      ALERT_SLACK_WEBHOOK: 'https://h.example/word-of-slack',
    });
    expect(text).toMatch(/DATABASE_URL +postgres:\/\/127\.0\.0\.1:1\/app\n/);
    expect(text).toMatch(/SMTP_URL +smtp:\/\/mail\.example\n/);
    expect(text).not.toContain('word-of');
  });
});

describe('limits', () => {
  it.each([
    [nodeFinding('20.18.3'), 'fault'],
    [nodeFinding('20.19.0'), 'ok'],
    [nodeFinding('24.0.0'), 'ok'],
    [yearFinding(new Date('1970-01-02')), 'fault'],
    [yearFinding(new Date('2026-11-20')), 'ok'],
    [filesFinding(1_000), 'fault'],
    [filesFinding(1_024), 'warn'],
    [filesFinding(4_096), 'ok'],
    [spaceFinding(199 * 1024 ** 2), 'fault'],
    [spaceFinding(201 * 1024 ** 2), 'warn'],
    [spaceFinding(1024 ** 3), 'ok'],
    [skewFinding(-5_000), 'fault'],
    [skewFinding(1_000), 'warn'],
    [skewFinding(-999), 'ok'],
  ])('%j is %s', (finding, level) => expect(finding.level).toBe(level));
});
