import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { childEnvironment, loadEnvironment, publicUrl, readConfig, unknownNames, type Environment } from '../../src/config/config.js';
import { envExample } from '../../src/config/documents.js';
import { blockList } from '../../src/config/kinds.js';
import { settings, type SettingName } from '../../src/config/settings.js';
import { showValue } from '../../src/config/shown.js';
import { faultsOf } from '../support/config.js';

const names = Object.keys(settings) as SettingName[];

const production = {
  ENVIRONMENT: 'production',
  DATABASE_URL: 'postgres://app:word@db.example/app',
  REDIS_URL: 'redis://cache.example',
  SECRET_KEY: 'k'.repeat(64),
};

describe('a configuration is refused', () => {
  it.each<[SettingName, string, string]>([
    ['PORT', '70000', 'a whole number from 0 to 65535'],
    ['PORT', '3000abc', 'a whole number'],
    ['PORT', '-1', 'a whole number'],
    ['PORT', '3e3', 'a whole number'],
    ['HOST', 'not a host', 'an IP address or a host name'],
    ['WORKERS', '0', 'a whole number from 1 to 128, or auto'],
    ['WORKERS', '1.5', 'or auto'],
    ['ENVIRONMENT', 'prod', 'one of development, test, production'],
    ['APP_ROLE', 'web', 'one of all, api, ai, worker'],
    ['DEBUG', 'maybe', 'true or false'],
    ['AI_PRICES', '{', 'JSON such as'],
    ['AI_PRICES', '{"m": {"input": -1, "output": 0}}', 'JSON such as'],
    ['AI_PRICES', '{"m": {"input": 1e999, "output": 0}}', 'JSON such as'],
    ['AI_RESET_TIMEZONE', 'America/Sao_Paolo', 'an IANA time zone'],
    ['AI_RESET_TIMEZONE', '-03:00', 'an IANA time zone'],
    ['TRUST_PROXY', '10.0.0.0/33', 'IP addresses or CIDR ranges'],
    ['TRUST_PROXY', '10.0.0.0/8/8', 'CIDR'],
    ['TRUST_PROXY', '10.0.0.0/', 'CIDR'],
    ['METRICS_ALLOW', 'fe80::1%eth0', 'CIDR'],
    ['METRICS_ALLOW', ',', 'CIDR'],
    ['BACKEND_CORS_ORIGINS', '*', 'origins such as'],
    ['BACKEND_CORS_ORIGINS', 'https://a.example,https://b.example/app', 'origins such as'],
    ['PUBLIC_URL', 'example.org', 'a URL that begins with http:// or https://'],
    ['PUBLIC_URL', 'http:example.org', 'a URL'],
    ['DATABASE_URL', 'mysql://db/app', 'a URL that begins with postgres:// or postgresql://'],
    ['DATABASE_URL', 'postgres://', 'postgres://'],
    ['DATABASE_URL', 'postgres:///app', 'postgres://'],
    ['DATABASE_URL', 'postgres://app:100%@db/app', 'percent-encoded'],
    ['DATABASE_URL', 'postgres://app:a/b@db/app', 'percent-encoded'],
    ['REDIS_URL', 'redis://host/first', 'redis://'],
    ['REDIS_URL', 'redis://host:99999', 'redis://'],
    ['REDIS_URL', 'unix://run/redis.sock', 'unix://'],
    ['REDIS_URL', 'unix:///run/%zz', 'unix://'],
    ['REDIS_URL', 'redis+cluster://h1:1,,h2:2', 'redis+cluster://'],
    ['REDIS_URL', 'redis+cluster://h1:1,h2:two', 'redis+cluster://'],
    ['PAYMENT_PROVIDER', 'pix,paypal', 'some of sandbox, pix, stripe'],
    ['ALERT_EMAIL_TO', 'somebody', 'an e-mail address'],
  ])('%s=%s', (name, value, expected) => {
    const [fault, ...others] = faultsOf({ SECRET_KEY: 'k', [name]: value });
    expect(fault).toContain(`${name}: expected`);
    expect(fault).toContain(expected);
    expect(others.filter((other) => !/^(DATABASE|REDIS)_URL: expected an address/.test(other))).toEqual([]);
  });

  it('for everything at once', () => {
    const faults = faultsOf({
      PORT: 'x',
      WORKERS: '0',
      REDIS_URL: 'http://h',
      AI_PRICES: '{',
      TRUST_PROXY: 'all',
      ENVIRONMENT: 'production',
    });
    const named = faults.map((fault) => fault.split(':')[0]);
    expect(named).toEqual(['PORT', 'WORKERS', 'REDIS_URL', 'TRUST_PROXY', 'AI_PRICES', 'DATABASE_URL', 'SECRET_KEY']);
  });

  it.each<[string, Environment, string]>([
    ['private engines', { DATABASE_URL: undefined }, 'DATABASE_URL: expected an address'],
    ['a private Redis', { REDIS_URL: ' ' }, 'REDIS_URL: expected an address'],
    ['DEBUG', { DEBUG: 'true' }, 'DEBUG: expected false'],
    ['a short key', { SECRET_KEY: 'k'.repeat(63) }, 'SECRET_KEY: expected 64'],
    ['no key', { SECRET_KEY: undefined }, 'SECRET_KEY: expected 64'],
  ])('in production with %s', (_what, change, fault) => {
    expect(faultsOf({ ...production, ...change })).toEqual([expect.stringContaining(fault)]);
  });

  it.each<[Environment, string]>([
    [{ APP_ROLE: 'api' }, 'DATABASE_URL'],
    [{ DATABASE_DIRECT_URL: 'postgres://db/app' }, 'DATABASE_DIRECT_URL'],
    [{ DATABASE_URL: 'postgres://db/app', REDIS_URL: 'redis://h' }, 'SECRET_KEY'],
    [{ ADMIN_PASSWORD: 'long enough' }, 'ADMIN_EMAIL'],
    [{ PGPOOL_MIN_CONNECTIONS: '20', PGPOOL_MAX_CONNECTIONS: '10' }, 'PGPOOL_MIN_CONNECTIONS'],
  ])('where parts of it do not agree: %j', (env, name) => {
    expect(faultsOf(env)).toContainEqual(expect.stringMatching(`^${name}: expected `));
  });
});

describe('a configuration is accepted', () => {
  it('when nothing is said', () => {
    const config = readConfig({});
    expect(config).toMatchObject({ PORT: 3000, HOST: '127.0.0.1', WORKERS: 1, ENVIRONMENT: 'development', APP_ROLE: 'all' });
    expect(config).toMatchObject({ embedded: { postgres: true, redis: true }, demo: true, DATA_DIR: resolve('.data') });
  });

  it('as the same when everything said is blank', () => {
    expect(readConfig(Object.fromEntries(names.map((name) => [name, ' '])))).toEqual(readConfig({}));
  });

  it('in production', () => {
    expect(readConfig(production)).toMatchObject({
      HOST: '0.0.0.0',
      demo: false,
      WHATSAPP_ENFORCE_WINDOW: true,
      PAYMENT_PROVIDER: undefined,
    });
  });

  it.each<[SettingName, string, unknown]>([
    ['WORKERS', 'auto', 'auto'],
    ['DEBUG', 'YES', true],
    ['HOST', '::1', '::1'],
    ['TRUST_PROXY', '10.0.0.0/8, ::1', ['10.0.0.0/8', '::1']],
    ['BACKEND_CORS_ORIGINS', 'https://a.example/, http://b.example:8080', ['https://a.example', 'http://b.example:8080']],
    ['REDIS_URL', 'redis+cluster://u:p@h1:1,h2:2', 'redis+cluster://u:p@h1:1,h2:2'],
    ['REDIS_URL', 'unix:///x y', 'unix:///x y'],
    ['REDIS_URL', 'rediss://:p%40ss@[::1]:6380/2', 'rediss://:p%40ss@[::1]:6380/2'],
    ['DATABASE_URL', 'postgres://u:p@/app?host=/run/pg&port=5433', 'postgres://u:p@/app?host=/run/pg&port=5433'],
    ['AI_PRICES', '{"m": {"input": 0.15, "output": 0.6}}', { m: { input: 0.15, output: 0.6 } }],
    ['PAYMENT_PROVIDER', 'sandbox,stripe,sandbox', ['sandbox', 'stripe']],
  ])('%s=%s', (name, value, read) => expect(readConfig({ SECRET_KEY: 'k', [name]: value })[name]).toEqual(read));

  it('from what the supervisor tells its children, private engines included', () => {
    const parent = readConfig({});
    const told = { DATABASE_URL: 'postgres://u@/app?host=/s', REDIS_URL: 'unix:///s', SECRET_KEY: 'k' };
    expect(Number(childEnvironment(parent, 'background', told).UV_THREADPOOL_SIZE)).toBeGreaterThan(4);
    const child = readConfig(childEnvironment(parent, 'background', told));
    expect(child).toMatchObject({ part: 'background', embedded: parent.embedded, DATABASE_URL: told.DATABASE_URL });
  });

  it('where people find us: as told, else where it listens, else on this machine', () => {
    const of = (env: Environment) => publicUrl(readConfig({ SECRET_KEY: 'k', ...env }));
    expect(of({ PUBLIC_URL: 'https://mutirao.example', HOST: '0.0.0.0' })).toBe('https://mutirao.example');
    expect(of({ HOST: '10.1.2.3', PORT: '8080' })).toBe('http://10.1.2.3:8080');
    expect(of({ HOST: '::1' })).toBe('http://[::1]:3000');
    for (const host of ['0.0.0.0', '::']) expect(of({ HOST: host })).toBe('http://localhost:3000');
  });

  it('with address ranges that know who belongs', () => {
    const list = blockList(['10.0.0.0/8', '::1']);
    expect([list.check('10.1.2.3'), list.check('11.1.2.3'), list.check('::1', 'ipv6')]).toEqual([true, false, true]);
  });
});

describe('whatever is given', () => {
  const word = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc
      .constantFrom('postgres://', 'redis://', 'redis+cluster://', 'unix://', 'https://')
      .chain((start) => fc.string().map((rest) => start + rest)),
    fc.json(),
    fc.integer().map(String),
  );

  it('a value is taken or named with what is expected', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), word, (name, value) => {
        const faults = faultsOf({ SECRET_KEY: 'k', [name]: value });
        for (const fault of faults) expect(names).toContain(/^(\w+): expected ./.exec(fault)?.[1]);
        const read = settings[name].read.safeParse(value.trim() || undefined);
        if (!read.success) expect(faults).toContainEqual(expect.stringMatching(`^${name}: expected `));
      }),
      { numRuns: 3000 },
    );
  });

  it('a secret is never repeated', () => {
    const secrets = names.filter((name) => settings[name].secret);
    const shapes = [
      (s: string) => s,
      (s: string) => `postgres://app:${s}@db/app`,
      (s: string) => `redis://:x/${s}@host`,
      (s: string) => `redis://host?password=${s}`,
      (s: string) => `ftp://${s}`,
    ];
    fc.assert(
      fc.property(fc.constantFrom(...secrets), fc.constantFrom(...shapes), fc.string(), (name, shape, rest) => {
        const secret = `Zq7secret${rest}`;
        for (const env of [{ [name]: shape(secret) }, { PORT: 'x', [name]: shape(secret) }, { PUBLIC_URL: `ftp://u:${secret}@h` }])
          expect(faultsOf(env).join()).not.toContain('Zq7secret');
        const accepted = settings[name].read.safeParse(shape(secret)).success;
        // A word without a host or a user before it stands where the address itself does.
        if (accepted && /@|password=/.test(shape(secret))) expect(showValue(name, shape(secret))).not.toContain('Zq7secret');
      }),
      { numRuns: 1000 },
    );
  });
});

it.each<[SettingName, string, string]>([
  ['DATABASE_URL', 'postgres://u:p@db:5432/app?sslmode=require&password=x', 'postgres://db:5432/app'],
  ['DATABASE_URL', 'postgres://u:p@/app?port=1&host=/run/pg', 'postgres:///app?host=/run/pg'],
  ['DATABASE_REPLICA_URLS', 'postgres://u:p@a/app,postgres://u:p@b/app', 'postgres://a/app,postgres://b/app'],
  ['REDIS_URL', 'redis+cluster://u:p@h1:1,h2:2', 'redis+cluster://h1:1,h2:2'],
  ['AI_BASE_URL', 'https://ai.example/v1?key=x', 'https://ai.example/v1'],
  ['ALERT_SLACK_WEBHOOK', 'https://hooks.example/T0/B0/x', '[hidden]'],
  ['SECRET_KEY', 'word', '[hidden]'],
  ['PORT', '3000', '3000'],
])('%s=%s is shown as %s', (name, raw, shown) => expect(showValue(name, raw)).toBe(shown));

describe('the .env file', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'mutirao-env-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('gives way to the real environment, and fills what is blank there', () => {
    writeFileSync(join(folder, '.env'), 'PORT=4000\nHOST="::1" # here\nLOG_LEVEL=warn\n');
    expect(loadEnvironment({ PORT: '5000', LOG_LEVEL: ' ' }, folder)).toMatchObject({ PORT: '5000', HOST: '::1', LOG_LEVEL: 'warn' });
  });

  it('may be missing', () => expect(loadEnvironment({ PORT: '1' }, folder)).toEqual({ PORT: '1' }));

  it('is refused when it cannot be read', () => {
    mkdirSync(join(folder, '.env'));
    expect(() => loadEnvironment({}, folder)).toThrow(/\.env: expected a file that can be read, got EISDIR/);
    rmSync(join(folder, '.env'), { recursive: true });
    writeFileSync(join(folder, '.env'), Buffer.from('PORT=4000\n', 'utf16le'));
    expect(() => loadEnvironment({}, folder)).toThrow(/\.env: expected a text in UTF-8.*UTF-16/);
  });

  it('is told apart where nothing reads a name', () => {
    writeFileSync(join(folder, '.env'), 'PORT=1\nDATABSE_URL=postgres://x/y\n');
    expect(unknownNames(folder)).toEqual(['DATABSE_URL']);
  });

  it('made from the example says what the defaults say', () => {
    const text = envExample().replace(/^#(?=[A-Z_]+=)/gm, '');
    expect(Object.keys(parseEnv(text)).sort()).toEqual([...names].sort());
    writeFileSync(join(folder, '.env'), text);
    expect(readConfig(loadEnvironment({}, folder))).toEqual(readConfig({}));
  });
});
