import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { startNginx } from '../support/nginx.js';
import { layOut, production } from '../support/release.js';
import { aFolder, startSystem, until, type System } from '../support/system.js';
import { toolOf } from '../support/tool-of.js';
import { aPort, openFolder, runTool } from '../support/tools.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let nginx: Awaited<ReturnType<typeof startNginx>>;
let root: string;
/** In the place of /etc/mutirao. */
let configuration: string;
let ports: [number, number];
const running = new Map<number, System>();

/** As its unit of systemd does it. */
async function startInstance(port: number): Promise<void> {
  const env = { ENVIRONMENT: 'production', HOST: '127.0.0.1', PORT: String(port), WORKERS: '1' };
  const system = startSystem({ script: join(root, 'current/dist/src/cluster.js'), cwd: configuration, env });
  running.set(port, system);
  await system.ready();
}

beforeAll(async () => {
  root = aFolder().made;
  configuration = aFolder().made;
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  for (const version of ['1.0.0', '2.0.0']) layOut(join(root, 'releases', version), version);
  symlinkSync('releases/2.0.0', join(root, 'current'));
  symlinkSync('releases/1.0.0', join(root, 'previous'));
  configure();
  ports = [await aPort(), await aPort()];
  await Promise.all(ports.map(startInstance));
  const servers = { '127.0.0.1:3001': ports[0], '127.0.0.1:3002': ports[1] };
  nginx = await startNginx({ program: toolOf('nginx'), upstreams: { file: 'docker/systemd/nginx.upstreams.conf', servers } });
});
afterAll(async () => {
  await nginx.stop();
  await Promise.all([...running.values()].map((system) => system.end()));
  await Promise.all([database.drop(), redis.stop()]);
});

function configure(more: Record<string, string> = {}): void {
  const all = Object.entries({ ...production(database.url, redis.url), ...more });
  writeFileSync(join(configuration, '.env'), all.map(([name, value]) => `${name}='${value}'\n`).join(''));
}

/** What people meet meanwhile, each from another address. */
async function meanwhile(work: () => Promise<unknown>) {
  const met: (number | string)[] = [];
  const state = { over: false };
  let asker = 1;
  const one = async () => {
    while (!state.over) {
      const { status, text } = await nginx.ask('/api/v1/plans?fresh', { from: `127.0.4.${(asker = (asker % 250) + 1)}` });
      met.push(status === 200 ? status : text.replace(/"requestId".*/, ''));
    }
  };
  const all = [one(), one()];
  await work();
  state.over = true;
  await Promise.all(all);
  return met;
}
const versions = async () => {
  const told = await Promise.all(
    ports.map(async (port) => (await fetch(`http://127.0.0.1:${port}/health`)).json() as Promise<{ version: string }>),
  );
  return told.map(({ version }) => version);
};
const healthy = (port: number) =>
  new Promise<number>((tell) => {
    const env = { PATH: process.env.PATH, PORT: String(port) };
    execFile(process.execPath, ['scripts/healthy.mjs'], { env }, (fault) => tell(fault ? 1 : 0));
  });

describe('What is built, in production and without its sources', () => {
  it('is healthy to whom the image asks, and writes nothing beside its data', async () => {
    expect(await Promise.all([healthy(ports[0]), healthy(await aPort())])).toEqual([0, 1]);
    expect(await versions()).toEqual(['2.0.0', '2.0.0']);
    const description = (await (await fetch(`http://127.0.0.1:${ports[0]}/api/openapi.json`)).json()) as { info: { version: string } };
    expect(description.info.version).toBe('2.0.0');
    expect(readdirSync(join(root, 'current')).sort()).toEqual(['dist', 'node_modules', 'package.json', 'scripts']);
  });
});

it('What is configured is read again on an order, and by the commands of an operator', async () => {
  const [port] = ports;
  configure({ RATE_LIMIT_IP_PER_MINUTE: '1234' });
  const instance = running.get(port)!;
  instance.signal('SIGHUP');
  await instance.line(({ msg }) => msg === 'all processes are new');
  expect((await fetch(`http://127.0.0.1:${port}/api/v1/plans`)).headers.get('x-ratelimit-limit')).toBe('1234');
  configure();
  const command = [join(root, 'current/scripts/mutirao.mjs'), 'queues'];
  const said = await new Promise<string>((tell) => {
    execFile(process.execPath, command, { cwd: configuration, env: { PATH: process.env.PATH } }, (fault, out, err) =>
      tell(fault ? err : out),
    );
  });
  expect(said).toContain('whatsapp');
});

describe('Two instances behind nginx', () => {
  it('are one unit of failure each: where one is killed, nobody who reads notices', async () => {
    const met = await meanwhile(async () => {
      running.get(ports[0])!.signal('SIGKILL');
      await running.get(ports[0])!.exit;
      await new Promise((next) => setTimeout(next, 500));
      await running.get(ports[0])!.end();
      await startInstance(ports[0]);
    });
    expect(met.length).toBeGreaterThan(10);
    expect([...new Set(met)]).toEqual([200]);
  });

  it('are what a real Prometheus sees, with every figure that rules and pictures are made of', async () => {
    const folder = openFolder('prometheus');
    const port = await aPort();
    const config = readFileSync('docker/prometheus/prometheus.yml', 'utf8')
      .replace(
        'scrape_interval: 15s\n  scrape_timeout: 5s\n  evaluation_interval: 15s',
        'scrape_interval: 1s\n  scrape_timeout: 1s\n  evaluation_interval: 1s',
      )
      .replace("['api1:3000', 'api2:3000', 'api3:3000']", `['127.0.0.1:${ports[0]}']`)
      .replace("['worker1:3000', 'worker2:3000']", `['127.0.0.1:${ports[1]}']`)
      .replace("['ai:3000']", '[]')
      .replace("'alertmanager:9093'", "'127.0.0.1:1'")
      .replace('rules.yml', resolve('docker/prometheus/rules.yml'));
    writeFileSync(join(folder, 'prometheus.yml'), config);
    const ask = async <T>(path: string) => ((await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()) as { data: T }).data;
    const args = ['--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=127.0.0.1:${port}`];
    const prometheus = await runTool(toolOf('prometheus'), args, folder, () =>
      fetch(`http://127.0.0.1:${port}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    try {
      type Found = { result: { value: [number, string] }[] };
      await until(async () => (await ask<Found>('query?query=up==1')).result.length === 2);
      const texts = [
        readFileSync('docker/prometheus/rules.yml', 'utf8'),
        readFileSync('docker/grafana/dashboards/mutirao.json', 'utf8'),
      ].join('\n');
      const named = new Set(texts.match(/\bmutirao_\w+/g));
      expect(named.size).toBeGreaterThan(20);
      await until(async () => {
        const known = await ask<string[]>('label/__name__/values');
        return [...named].every((name) => known.includes(name));
      });
      const { groups } = await ask<{ groups: { rules: { name: string; health: string; lastError?: string }[] }[] }>('rules');
      const rules = groups.flatMap(({ rules: some }) => some);
      expect(rules.length).toBe(14);
      await until(async () =>
        (await ask<typeof groups extends never ? never : { groups: typeof groups }>('rules')).groups.every((group) =>
          group.rules.every(({ health }) => health === 'ok'),
        ),
      );
      const { panels } = JSON.parse(readFileSync('docker/grafana/dashboards/mutirao.json', 'utf8')) as {
        panels: { targets: { expr: string }[] }[];
      };
      for (const { expr } of panels.flatMap(({ targets }) => targets))
        expect((await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expr)}`)).status).toBe(200);
    } finally {
      await prometheus.stop();
    }
  });
});

describe('scripts/rollback.sh', () => {
  const roll = (args: string[], env: Record<string, string> = {}) =>
    new Promise<{ code: number; said: string }>((tell) => {
      execFile(resolve('scripts/rollback.sh'), args, { env: { PATH: process.env.PATH, ...env } }, (fault, out, err) =>
        tell({ code: typeof fault?.code === 'number' ? fault.code : 0, said: out + err }),
      );
    });

  it('refuses what is no place of releases, and changes nothing', async () => {
    expect(await roll([])).toMatchObject({ code: 1, said: expect.stringContaining('Usage') as string });
    const { made } = aFolder();
    expect(await roll([made])).toMatchObject({ code: 1, said: expect.stringContaining('expected a link to a release') as string });
    symlinkSync('releases/2', join(made, 'current'));
    expect(await roll([made])).toMatchObject({ code: 1, said: expect.stringContaining('nothing was changed') as string });
    symlinkSync('releases/1', join(made, 'previous'));
    expect(await roll([made])).toMatchObject({ code: 1, said: expect.stringContaining('holds no release; nothing was changed') as string });
  });

  it('brings the version before back, one instance after the other, while people are served', async () => {
    // In the place of systemd.
    const starter = createServer((request, response) => {
      const port = Number(request.url?.slice(1));
      const again = async () => {
        await running.get(port)!.stop();
        await startInstance(port);
        response.end();
      };
      void again();
    }).listen(0, '127.0.0.1');
    await once(starter, 'listening');
    const address = starter.address();
    const at = typeof address === 'object' && address ? address.port : 0;
    const RESTART = `node -e "fetch('http://127.0.0.1:${at}/' + process.env.PORT).then((a) => a.text())"`;
    let outcome: Awaited<ReturnType<typeof roll>> | undefined;
    const met = await meanwhile(async () => (outcome = await roll([root, ...ports.map(String)], { RESTART })));
    starter.close();
    expect(outcome).toEqual({ code: 0, said: `releases/2.0.0 → releases/1.0.0\n${ports.map((port) => `port ${port}: ready\n`).join('')}` });
    expect(await versions()).toEqual(['1.0.0', '1.0.0']);
    expect([...new Set(met)]).toEqual([200]);
  });
});
