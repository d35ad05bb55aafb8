import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { BlockList } from 'node:net';
import { join, posix } from 'node:path';
import { CORE_SCHEMA, load, mergeTag } from 'js-yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import { tuningFor, usual } from '../../src/cli/tuning.js';
import { readConfig } from '../../src/config/config.js';
import { settings } from '../../src/config/settings.js';
import { rules } from '../../src/ops/alerts/rules.js';
import { aCertificate } from '../support/certificate.js';
import { toolOf } from '../support/tool-of.js';
import { openFolder } from '../support/tools.js';

interface Service {
  image?: string;
  restart?: string;
  user?: string;
  read_only?: boolean;
  init?: boolean;
  cap_drop?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  secrets?: string[];
  healthcheck?: { test: string[]; interval: string; timeout: string; retries: number };
  depends_on?: Record<string, unknown>;
  networks?: { default: { ipv4_address: string } };
  deploy?: { resources: Record<'limits' | 'reservations', { cpus: string; memory: string }> };
}
interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
  networks: { default: { ipam: { config: { subnet: string; ip_range: string }[] } } };
}

const yaml = <T>(path: string) => load(readFileSync(join('docker', path), 'utf8'), { schema: CORE_SCHEMA.withTags(mergeTag) }) as T;
const text = (path: string) => readFileSync(join('docker', path), 'utf8');
const mostConnections = Number(tuningFor(usual).find(({ name }) => name === 'max_connections')?.value);

describe.each(['light', 'full'])('compose.%s.yml', (name) => {
  let compose: Compose;
  beforeAll(() => {
    compose = yaml<Compose>(`compose.${name}.yml`);
  });
  const services = () => Object.entries(compose.services);

  it('bounds every service, and starts it again', () => {
    for (const [who, { deploy, restart, image = '' }] of services()) {
      for (const kind of ['limits', 'reservations'] as const)
        expect([who, deploy?.resources[kind].cpus, deploy?.resources[kind].memory]).toEqual([
          who,
          expect.stringMatching(/^[\d.]+$/) as string,
          expect.stringMatching(/^\d+[MG]$/) as string,
        ]);
      expect([who, restart]).toEqual([who, 'unless-stopped']);
      expect(image).toMatch(/^mutirao[\w-]*:|:v?\d/);
    }
  });

  it('gives the application no power, no writable root, and names that it knows', () => {
    const own = services().filter(([, { image = '' }]) => image.startsWith('mutirao:'));
    expect(own.length).toBeGreaterThan(0);
    for (const [, service] of own) {
      expect(service).toMatchObject({ read_only: true, init: true, cap_drop: ['ALL'] });
      expect(Object.keys(service.environment ?? {}).filter((each) => !Object.hasOwn(settings, each))).toEqual([]);
    }
    const given = [...text('.env.example').matchAll(/^([A-Z_]+)=/gm)].map(([, each]) => each ?? '');
    expect(given.filter((each) => !Object.hasOwn(settings, each))).toEqual(['POSTGRES_PASSWORD', 'REDIS_PASSWORD']);
  });

  it('names files, volumes, secrets and services that are there', () => {
    for (const [, { volumes = [], secrets = [], depends_on = {} }] of services()) {
      for (const [from = ''] of volumes.map((volume) => volume.split(':')))
        if (from.startsWith('.')) expect([from, existsSync(posix.join('docker', from))]).toEqual([from, true]);
        else if (!from.startsWith('/')) expect(Object.keys(compose.volumes)).toContain(from);
      for (const secret of secrets) expect(Object.keys(compose.secrets)).toContain(secret);
      for (const other of Object.keys(depends_on)) expect(Object.keys(compose.services)).toContain(other);
    }
  });
});

describe.each(['light', 'full'])('Addresses of compose.%s.yml', (name) => {
  it('are those that others know, stay, and are given to nobody else', () => {
    const { services, networks } = yaml<Compose>(`compose.${name}.yml`);
    const [range] = networks.default.ipam.config;
    const others = new BlockList();
    const [from = '', bits = ''] = range!.ip_range.split('/');
    others.addSubnet(from, Number(bits));
    const named = Object.entries(services).flatMap(([who, { networks: at }]) => (at ? [[who, at.default.ipv4_address] as const] : []));
    expect(new Set(named.map(([, address]) => address)).size).toBe(named.length);
    for (const [who, address] of named) expect([who, others.check(address)]).toEqual([who, false]);
    const upstreams = text(name === 'full' ? 'nginx/upstreams.conf' : 'nginx/light.upstreams.conf');
    const asked = [...upstreams.matchAll(/server (\w+):3000/g)].map(([, who]) => who);
    const addressOf = Object.fromEntries(named);
    expect(asked.filter((who) => addressOf[who ?? ''] === undefined)).toEqual([]);
    for (const { environment } of Object.values(services))
      if (environment?.TRUST_PROXY !== undefined) expect(environment.TRUST_PROXY).toBe(addressOf.nginx);
  });

  it('are where PostgreSQL is asked whether it is there: by its socket one answers that is only being set up', () => {
    expect(yaml<Compose>(`compose.${name}.yml`).services.postgres?.healthcheck?.test.join(' ')).toContain('pg_isready -h 127.0.0.1');
  });
});

it('docker/.env.example, filled in, is a configuration', () => {
  const filled = [...text('.env.example').matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, key = '', value = '']) => [key, value] as const);
  const words: Record<string, string> = {
    SECRET_KEY: 'k'.repeat(64),
    PIX_API_URL: 'https://pix.bank.example',
    PIX_CLIENT_ID: 'us',
    PIX_CLIENT_SECRET: 'a-word-of-the-bank',
    PIX_KEY: 'pix@mutirao.example',
    PIX_WEBHOOK_SECRET: 'w'.repeat(32),
  };
  const env = Object.fromEntries(filled.map(([key, value]) => [key, value === '' ? words[key] : value]));
  const { environment = {} } = yaml<Compose>('compose.full.yml').services.api1 ?? {};
  const told = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, value.replace(/\$\{(\w+):[^}]*\}/g, 'abc')]));
  expect(() => readConfig({ ...env, ...told, ENVIRONMENT: 'production', OTEL_EXPORTER_OTLP_ENDPOINT: '' })).not.toThrow();
});

describe('compose.full.yml', () => {
  it('has the whole picture', () => {
    const { services } = yaml<Compose>('compose.full.yml');
    const apps = ['api1', 'api2', 'api3', 'worker1', 'worker2', 'ai'];
    const others = [
      'nginx',
      'pgbouncer',
      'postgres',
      'redis-queue',
      'redis-cache',
      'prometheus',
      'alertmanager',
      'grafana',
      'loki',
      'alloy',
    ];
    expect(Object.keys(services).sort()).toEqual([...apps, ...others].sort());
    expect(apps.map((who) => services[who]?.environment?.APP_ROLE)).toEqual(['api', 'api', 'api', 'worker', 'worker', 'ai']);
    // nginx and Prometheus know them by these names.
    const servers = [...text('nginx/upstreams.conf').matchAll(/server (\w+):3000/g)].map(([, who]) => who);
    const targets = [...text('prometheus/prometheus.yml').matchAll(/'(\w+):3000'/g)].map(([, who]) => who);
    expect([[...new Set(servers)], targets]).toEqual([['api1', 'api2', 'api3', 'ai'], apps]);
  });

  it('asks PostgreSQL for no more connections than it has', () => {
    const most = Number(/^max_db_connections = (\d+)$/m.exec(text('pgbouncer/pgbouncer.ini'))?.[1]);
    // LISTEN and migrations of six instances go past it.
    expect(most + 6 * 4).toBeLessThan(mostConnections);
  });
});

describe('The image', () => {
  const file = text('Dockerfile');

  it('is made of what is there, in two stages, and runs as nobody of importance', () => {
    expect(file.match(/^FROM node:24-\S+/gm)).toHaveLength(2);
    for (const [, paths = ''] of file.matchAll(/^COPY (?!--from)(.+) \S+$/gm))
      for (const path of paths.split(' ')) expect([path, existsSync(path)]).toEqual([path, true]);
    const runs = file.slice(file.lastIndexOf('FROM '));
    expect(runs).toMatch(/^USER node$/m);
    expect(runs).toMatch(
      /^HEALTHCHECK --interval=10s --timeout=5s --retries=5 --start-period=40s CMD \["node", "scripts\/healthy.mjs"\]$/m,
    );
    expect(runs).toMatch(/^CMD \["node", "scripts\/start.mjs"\]$/m);
  });

  it('leaves out whatever it is not made of', () => {
    const admitted = text('Dockerfile.dockerignore').split('\n').filter(Boolean);
    expect(admitted[0]).toBe('*');
    const needed = [...file.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) => paths.split(' '));
    expect(admitted.slice(1).sort()).toEqual(needed.map((path) => `!${path}`).sort());
  });
});

describe('Prometheus and Alertmanager', () => {
  const run = (tool: string, ...args: string[]) => execFileSync(toolOf(tool), args, { cwd: 'docker', encoding: 'utf8', stdio: 'pipe' });

  it('take their files', () => {
    expect(run('promtool', 'check', 'config', 'prometheus/prometheus.yml')).toContain('SUCCESS');
    expect(run('amtool', 'check-config', 'alertmanager/alertmanager.yml')).toContain('SUCCESS');
  });

  it('ring when they should, and not before', () => {
    expect(run('promtool', 'test', 'rules', 'prometheus/rules.test.yml')).toContain('SUCCESS');
  });

  it('send who is woken to whoever watches', () => {
    for (const severity of ['page', 'ticket'])
      expect(run('amtool', 'config', 'routes', 'test', '--config.file=alertmanager/alertmanager.yml', `severity=${severity}`)).toBe(
        'chat\n',
      );
  });

  it('name runbooks that are there', () => {
    const named = [...text('prometheus/rules.yml').matchAll(/runbook: (\S+)/g)].map(([, path]) => path ?? '');
    expect(named.length).toBeGreaterThan(9);
    named.push(...Object.values(rules).map(({ runbook }) => `docs/runbooks/${runbook}.md`));
    expect(named.filter((path) => !existsSync(path))).toEqual([]);
  });
});

describe('Units of systemd', () => {
  const unit = text('systemd/mutirao@.service');

  it('start the system as npm does, begin anew on an order, and give up only where a start cannot help', () => {
    expect(unit).toMatch(/^ExecStart=\/usr\/bin\/node \/opt\/mutirao\/current\/dist\/src\/cluster\.js$/m);
    // What came from there could not be read again.
    expect(unit).not.toMatch(/^EnvironmentFile=/m);
    expect(unit).toMatch(/^WorkingDirectory=\/etc\/mutirao$/m);
    expect(unit).toMatch(/^ExecReload=\/bin\/kill -HUP \$MAINPID$/m);
    expect(unit).toMatch(/^Restart=always$/m);
    expect(unit).toMatch(/^RestartPreventExitStatus=78$/m);
    const names = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap(([, all = '']) =>
      [...all.matchAll(/([A-Z_]+)=/g)].map(([, each]) => each ?? ''),
    );
    expect(names.filter((each) => !Object.hasOwn(settings, each))).toEqual(['NODE_OPTIONS']);
  });
});

it('The edge under systemd finds every folder that it writes to', () => {
  const unit = text('systemd/mutirao-nginx.service');
  const folder = openFolder('nginx-systemd');
  const conf = join(folder, 'conf');
  cpSync('docker/nginx', conf, { recursive: true });
  const { cert, key } = aCertificate('edge');
  writeFileSync(join(conf, 'tls.crt'), cert);
  writeFileSync(join(conf, 'tls.key'), key);
  for (const name of ['upstreams', 'listen', 'listen-plain'])
    writeFileSync(
      join(conf, `${name}.conf`),
      text(`systemd/nginx.${name}.conf`)
        .replaceAll('/etc/mutirao-nginx', conf)
        .replace(/^listen \[.*\n/m, '')
        .replace(/^listen \d+/m, `listen unix:${folder}/${name}.sock`),
    );
  const made = /^RuntimeDirectory=(.*)$/m.exec(unit)?.[1]?.split(' ') ?? [];
  for (const each of made) mkdirSync(join(folder, each), { recursive: true });
  const said = spawnSync(toolOf('nginx'), ['-p', join(folder, 'mutirao-nginx/'), '-c', join(conf, 'nginx.conf'), '-t'], {
    encoding: 'utf8',
  });
  expect([said.status, said.stderr]).toEqual([0, expect.stringContaining('test is successful')]);
});

it('every file of YAML can be read', () => {
  const files = readdirSync('docker', { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.yml'));
  expect(files.length).toBeGreaterThan(7);
  for (const path of files) expect(typeof yaml(path)).toBe('object');
});
