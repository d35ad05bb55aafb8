import { existsSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { aFolder, startSystem, until } from '../support/system.js';

const start = (wanted?: Parameters<typeof startSystem>[0]) => {
  const system = startSystem(wanted);
  onTestFinished(() => system.end());
  return system;
};

const folder = (...inside: string[]) => {
  const { root, made } = aFolder(...inside);
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return made;
};

describe('refuses to start', () => {
  it('with every configuration fault at once and code 78', async () => {
    const system = start({ env: { PORT: 'many', WORKERS: '0', LOG_LEVEL: 'loud' } });
    expect((await system.exit).code).toBe(78);
    expect(system.stderr).toMatch(/PORT: expected[^]*WORKERS: expected[^]*LOG_LEVEL: expected/);
  });

  it('on a port that another program holds', async () => {
    const foreign = createServer().listen(0, '127.0.0.1');
    await once(foreign, 'listening');
    const { port } = foreign.address() as { port: number };
    const system = start({ env: { PORT: String(port) } });
    expect((await system.exit).code).toBe(1);
    expect(system.stderr).toBe(`Port ${port} of 127.0.0.1 is in use by another program: stop that one, or choose another PORT\n`);
    expect(system.processes()).toEqual([]);
    foreign.close();
  });

  it('in a data folder that it may not make', async () => {
    const system = start({ env: { DATA_DIR: '/dev/null/data' } });
    expect((await system.exit).code).toBe(1);
    expect(system.stderr).toBe("DATA_DIR /dev/null/data cannot be used: ENOTDIR: not a directory, mkdir '/dev/null/data'\n");
  });
});

describe('does not take over a data folder', () => {
  it('that a system in another network namespace uses, and touches nothing of it', async () => {
    const first = start();
    await first.ready();
    const stranger = spawn('unshare', ['-n', process.execPath, resolve('.build/src/cluster.js')], {
      env: { PATH: process.env.PATH, PORT: '0', DATA_DIR: first.dataDir },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    stranger.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [code] = (await once(stranger, 'close')) as [number];
    expect([code, said]).toEqual([1, expect.stringContaining('is in use from another container')]);
    const { url } = await first.ready();
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect(readdirSync(join(first.dataDir, 'run'))).toContain('.s.PGSQL.5432');
  });

  it('where none can be', async () => {
    const system = start({ env: { DATA_DIR: '/proc/nope/data' } });
    expect((await system.exit).code).toBe(1);
    expect(system.stderr).toContain('DATA_DIR /proc/nope/data cannot be used: ENOENT');
  });
});

describe('a process with MAX_REQUESTS', () => {
  it('ends after its number of requests, without one that fails', async () => {
    const system = start({ env: { MAX_REQUESTS: '50' } });
    const { url } = await system.ready();
    const before = system.pidOf('main.js');
    for (let asked = 0; asked < 60; asked += 1) expect((await fetch(`${url}/health/live`)).status).toBe(200);
    await until(() => !system.processes().some(({ pid }) => pid === before));
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });
});

describe('starts and stops', () => {
  it('says one line when all accept, refuses a second start, and leaves nothing behind', async () => {
    const system = start();
    const ready = await system.ready();
    expect(ready.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(ready.role).toBe('all');
    expect(ready.embedded).toEqual({ postgres: true, redis: true });
    expect((await fetch(`${ready.url}/health/ready`)).status).toBe(200);
    const key = join(system.dataDir, 'secret-key');
    expect([readFileSync(key, 'utf8').length, statSync(key).mode & 0o777]).toEqual([96, 0o600]);

    const second = start({ dataDir: system.dataDir });
    const refusal = await second.exit;
    expect(refusal.code).toBe(1);
    expect(refusal.afterMs).toBeLessThan(3_000);
    expect(second.stderr).toContain(`DATA_DIR ${system.dataDir} is in use by process ${system.pid}`);

    const began = performance.now();
    expect((await system.stop()).code).toBe(0);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(system.processes()).toEqual([]);
    expect(system.lines.filter(({ msg }) => msg === 'ready')).toHaveLength(1);
  });

  it('takes Ctrl-C, which reaches everything in the terminal and comes twice through npm, as one orderly stop', async () => {
    const system = start({ env: { WORKERS: '2' } });
    await system.ready();
    // Two for requests, one for the background.
    expect(system.processes().filter(({ command }) => command.includes('main.js'))).toHaveLength(3);
    system.signal('SIGINT', 'group');
    system.signal('SIGINT');
    expect((await system.exit).code).toBe(0);
    expect(system.processes()).toEqual([]);
    expect(system.lines.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  });

  it('waits for a database that is away, and can be stopped meanwhile', async () => {
    const away = { DATABASE_URL: 'postgres://app@127.0.0.1:1/app', REDIS_URL: 'redis://127.0.0.1:1', SECRET_KEY: 'tests' };
    const system = start({ env: away });
    const first = await system.line(({ waitMs }) => waitMs === 250);
    expect(first.msg).toBe('the database cannot be reached yet, trying again');
    await system.line(({ waitMs }) => waitMs === 500);
    expect((await system.stop()).code).toBe(0);
    expect(system.processes()).toEqual([]);
    expect(readdirSync(system.dataDir)).toEqual([]);
  });

  it('stops while it is still starting', async () => {
    const system = start();
    await until(() => system.processes().some(({ command }) => command.includes('initdb')));
    expect((await system.stop()).code).toBe(0);
    expect(system.processes()).toEqual([]);
  });

  it('stops at once on a second signal', async () => {
    const system = start();
    await system.ready();
    process.kill(system.pidOf('main.js'), 'SIGSTOP');
    system.signal('SIGTERM');
    await system.line(({ msg }) => msg === 'stopping');
    const began = performance.now();
    const again = setInterval(() => system.signal('SIGTERM'), 600);
    expect((await system.exit).code).toBe(0);
    clearInterval(again);
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(system.processes()).toEqual([]);
  });

  it('stops though nobody reads its log', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    holder.close();
    await once(holder, 'close');
    const url = `http://127.0.0.1:${port}`;
    const system = start({ env: { PORT: String(port), LOG_LEVEL: 'trace', RATE_LIMIT_IP_PER_MINUTE: '0' }, reads: false });
    await until(
      () =>
        fetch(`${url}/health/ready`).then(
          ({ ok }) => ok,
          () => false,
        ),
      60_000,
    );
    for (let round = 0; round < 30; round += 1)
      await Promise.all(Array.from({ length: 50 }, () => fetch(`${url}/nothing/${'x'.repeat(500)}`).then((answer) => answer.text())));
    const began = performance.now();
    expect((await system.stop()).code).toBe(0);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(system.processes()).toEqual([]);
  });
});

describe('bare machines', () => {
  it('starts degraded without any Redis program and names what helps', async () => {
    const bin = folder('bin');
    symlinkSync(process.execPath, join(bin, 'node'));
    const system = start({ env: { PATH: bin } });
    const { url, embedded } = await system.ready();
    expect(embedded).toEqual({ postgres: true, redis: false });
    const hint = system.lines.find(({ msg }) => msg.startsWith('No redis-server or valkey-server on PATH'));
    expect(hint?.msg).toMatch(/starting degraded.*To get it: install Redis/);
    const health = await fetch(`${url}/health`);
    expect([health.status, ((await health.json()) as { status: string }).status]).toEqual([200, 'degraded']);
    // A short PATH is no reason to take the data elsewhere.
    const moved = system.lines.some(({ msg }) => msg.startsWith('PostgreSQL refuses root'));
    expect(moved).toBe(process.getuid?.() === 0 && spawnSync('/usr/bin/unshare', ['--user', 'true']).status !== 0);
  });

  it.runIf(process.getuid?.() === 0)(
    'stops in the middle of an installation, begins nothing more of it and leaves nothing behind',
    async () => {
      const bin = folder('bin');
      symlinkSync(process.execPath, join(bin, 'node'));
      const calls = join(bin, 'calls');
      writeFileSync(join(bin, 'apt-get'), `#!/bin/sh\ntrap '' INT\necho $$ >> ${calls}\nwhile :; do sleep 0.1; done\n`, { mode: 0o755 });
      const system = start({ env: { PATH: bin, MUTIRAO_INSTALL: '1' } });
      await until(() => existsSync(calls));
      const began = performance.now();
      expect((await system.stop()).code).toBe(0);
      expect(performance.now() - began).toBeLessThan(10_000);
      const [pid, ...more] = readFileSync(calls, 'utf8').trim().split('\n');
      expect(more).toEqual([]);
      expect(existsSync(`/proc/${pid}`)).toBe(false);
    },
  );

  it('works under long paths, blanks and letters beyond ASCII, and says so though the log is silent', async () => {
    const dataDir = folder('Doações, "mutirão" de José', 'p'.repeat(120));
    const system = start({ dataDir, env: { LOG_LEVEL: 'silent' } });
    expect((await fetch(`${(await system.ready()).url}/health/ready`)).status).toBe(200);
    expect((await system.stop()).code).toBe(0);
    expect(system.processes()).toEqual([]);
  });
});
