import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { parseEnv } from 'node:util';
import { hardware, memoryCeiling, workersFor } from './hardware.js';
import { settings, type SettingName, type Values } from './settings.js';
import { showFault } from './shown.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Config extends Values {
  HOST: string;
  WHATSAPP_ENFORCE_WINDOW: boolean;
  /** Which engines the supervisor runs itself. */
  embedded: { postgres: boolean; redis: boolean };
  /** What the supervisor told this process to be; operators never set it. */
  part: 'whole' | 'requests' | 'background';
  demo: boolean;
}

/** A configuration that a person has to mend; the process ends with code 78. */
export class ConfigFaults extends Error {
  override readonly name = 'ConfigFaults';
  constructor(readonly faults: readonly string[]) {
    super(`Configuration rejected:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
  }
}

/** The real environment wins over the `.env` file of the working folder; a blank value counts as none. */
export function loadEnvironment(env: Environment, folder = process.cwd()): Environment {
  const given = Object.entries(env).filter(([, value]) => value?.trim());
  return { ...readDotEnv(folder), ...Object.fromEntries(given) };
}

/** Names in the `.env` file that nothing reads: mostly slips of the pen. */
export function unknownNames(folder = process.cwd()): string[] {
  return Object.keys(readDotEnv(folder)).filter((name) => !Object.hasOwn(settings, name));
}

function readDotEnv(folder: string): Environment {
  const file = resolve(folder, '.env');
  if (!existsSync(file)) return {};
  let text: string;
  try {
    text = readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (cause) {
    throw new ConfigFaults([`.env: expected a file that can be read, got ${(cause as NodeJS.ErrnoException).code}`]);
  }
  if (text.includes('\0')) throw new ConfigFaults(['.env: expected a text in UTF-8, got zero bytes as UTF-16 has them: save it as UTF-8']);
  return parseEnv(text);
}

export function readConfig(env: Environment, { demo = true } = {}): Config {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(settings) as SettingName[]) {
    const { read, expected } = settings[name];
    const raw = env[name]?.trim();
    const result = read.safeParse(raw === '' ? undefined : raw);
    if (result.success) values[name] = result.data;
    else faults.push(`${name}: expected ${expected}, got ${showFault(name, raw ?? '')}`);
  }
  const given = values as Values;
  faults.push(...contradictions(given, env));
  if (faults.length > 0) throw new ConfigFaults(faults);

  const production = given.ENVIRONMENT === 'production';
  const embedded = embeddedEngines(given, env);
  return Object.freeze({
    ...given,
    DATA_DIR: resolve(given.DATA_DIR),
    HOST: given.HOST ?? (production ? '0.0.0.0' : '127.0.0.1'),
    WHATSAPP_ENFORCE_WINDOW: given.WHATSAPP_ENFORCE_WINDOW ?? production,
    PAYMENT_PROVIDER: given.PAYMENT_PROVIDER ?? (embedded.postgres ? ['sandbox' as const] : undefined),
    embedded,
    part: partOf(env),
    demo: demo && embedded.postgres && given.ENVIRONMENT === 'development',
  });
}

const everywhere = ['0.0.0.0', '::'];

/** Where people find us; never what a request says of itself. */
export function publicUrl({ PUBLIC_URL, HOST, PORT }: Pick<Config, 'PUBLIC_URL' | 'HOST' | 'PORT'>): string {
  const host = everywhere.includes(HOST) ? 'localhost' : HOST;
  return PUBLIC_URL ?? `http://${host.includes(':') ? `[${host}]` : host}:${PORT}`;
}

export const workerCount = ({ WORKERS }: Pick<Config, 'WORKERS'>): number => (WORKERS === 'auto' ? workersFor(hardware()).count : WORKERS);

/** All processes of the system; several leave the background to one of their own. */
export const processCount = (config: Pick<Config, 'WORKERS' | 'APP_ROLE'>): number => {
  const count = workerCount(config);
  return count + (config.APP_ROLE === 'all' && count > 1 ? 1 : 0);
};

const MEGABYTE = 1024 * 1024;

/** Resident memory above which a process is replaced. */
export const mostMemory = (config: Pick<Config, 'MAX_MEMORY_MB' | 'WORKERS' | 'APP_ROLE'>): number =>
  config.MAX_MEMORY_MB === 0 ? memoryCeiling(hardware(), processCount(config)) : config.MAX_MEMORY_MB * MEGABYTE;

/** Whether this process hands over and does the work of the outbox. */
export const consumes = ({ APP_ROLE, part }: Config) => APP_ROLE === 'worker' || (APP_ROLE === 'all' && part !== 'requests');

/** Whether this process answers for people, and not only for machines. */
export const servesApi = ({ APP_ROLE, part }: Config) => (APP_ROLE === 'all' || APP_ROLE === 'api') && part !== 'background';

/** Whether this process answers what is asked of the AI. */
export const servesAi = (config: Config) => config.APP_ROLE === 'ai' || servesApi(config);

/** Checks of passwords that one process does at once: of all cores but one, its part. */
export const hashesAtOnce = (config: Pick<Config, 'WORKERS'>): number =>
  Math.max(1, Math.floor((availableParallelism() - 1) / workerCount(config)));

/** Node's own number, for files and names. */
const OTHER_THREADS = 4;

// The supervisor's own words to the processes it starts: their engines have addresses by then.
const ENGINES = 'MUTIRAO_ENGINES';
const PART = 'MUTIRAO_PART';

export const childEnvironment = (config: Config, part: Config['part'], values: Partial<Record<SettingName, string>>) => ({
  ...values,
  // Each check of a password takes a thread; files and names must not wait for these.
  UV_THREADPOOL_SIZE: String(OTHER_THREADS + hashesAtOnce(config)),
  [PART]: part,
  [ENGINES]:
    Object.entries(config.embedded)
      .filter(([, own]) => own)
      .map(([name]) => name)
      .join(',') || 'none',
});

function partOf(env: Environment): Config['part'] {
  return env[PART] === 'requests' || env[PART] === 'background' ? env[PART] : 'whole';
}

function embeddedEngines(given: Values, env: Environment): Config['embedded'] {
  const told = env[ENGINES]?.split(',');
  if (told) return { postgres: told.includes('postgres'), redis: told.includes('redis') };
  return { postgres: given.DATABASE_URL === undefined, redis: given.REDIS_URL === undefined };
}

function contradictions(given: Partial<Values>, env: Environment): string[] {
  const faults: string[] = [];
  const production = given.ENVIRONMENT === 'production';
  const missing = (['DATABASE_URL', 'REDIS_URL'] as const).filter((name) => !env[name]?.trim());
  if (missing.length > 0 && production)
    faults.push(...missing.map((name) => `${name}: expected an address, as private engines are not for production`));
  else if (missing.length > 0 && given.APP_ROLE !== undefined && given.APP_ROLE !== 'all')
    faults.push(...missing.map((name) => `${name}: expected an address, as private engines serve APP_ROLE=all only`));
  if (production && given.DEBUG) faults.push('DEBUG: expected false in production, as it shows too much');
  if (production && (given.SECRET_KEY ?? '').length < 64) faults.push('SECRET_KEY: expected 64 or more characters in production');
  if (!production && missing.length === 0 && !given.SECRET_KEY)
    faults.push('SECRET_KEY: expected text, as none is made where no private engine runs');
  for (const name of ['DATABASE_DIRECT_URL', 'DATABASE_REPLICA_URLS'] as const)
    if (env[name]?.trim() && missing.includes('DATABASE_URL')) faults.push(`${name}: expected only beside DATABASE_URL`);
  if (given.ADMIN_PASSWORD && !given.ADMIN_EMAIL && !env.ADMIN_EMAIL)
    faults.push('ADMIN_EMAIL: expected an e-mail address beside ADMIN_PASSWORD');
  if (given.ADMIN_PASSWORD && (given.ADMIN_PASSWORD.length < 10 || given.ADMIN_PASSWORD.length > 200))
    faults.push('ADMIN_PASSWORD: expected 10 to 200 characters');
  if ((given.PGPOOL_MIN_CONNECTIONS ?? 0) > (given.PGPOOL_MAX_CONNECTIONS ?? Infinity))
    faults.push('PGPOOL_MIN_CONNECTIONS: expected no more than PGPOOL_MAX_CONNECTIONS');
  if (given.PAYMENT_PROVIDER?.includes('pix')) faults.push(...pixFaults(given, env));
  if (given.WHATSAPP_API_URL) faults.push(...whatsappFaults(env));
  else if (given.WHATSAPP_ACCESS_TOKEN && !env.WHATSAPP_API_URL)
    faults.push('WHATSAPP_API_URL: expected an address beside WHATSAPP_ACCESS_TOKEN');
  if (given.AI_BASE_URL && !env.AI_MODEL?.trim()) faults.push('AI_MODEL: expected a model beside AI_BASE_URL');
  return faults;
}

/** What a bank cannot be asked without. */
function pixFaults(given: Partial<Values>, env: Environment): string[] {
  const needed = ['PIX_API_URL', 'PIX_CLIENT_ID', 'PIX_CLIENT_SECRET', 'PIX_KEY', 'PIX_WEBHOOK_SECRET'] as const;
  const faults = needed.filter((name) => !env[name]?.trim()).map((name) => `${name}: expected a value, as PAYMENT_PROVIDER lists pix`);
  const { PIX_CERT_FILE: cert, PIX_KEY_FILE: key } = given;
  if (!cert !== !key)
    faults.push(`${cert ? 'PIX_KEY_FILE' : 'PIX_CERT_FILE'}: expected a file beside ${cert ? 'PIX_CERT_FILE' : 'PIX_KEY_FILE'}`);
  if (!cert || !key) return faults;
  const unread = Object.entries({ PIX_CERT_FILE: cert, PIX_KEY_FILE: key }).flatMap(([name, file]) => {
    const code = unreadable(file);
    return code ? [`${name}: expected a file that can be read, got ${code}`] : [];
  });
  if (unread.length > 0) return [...faults, ...unread];
  try {
    createSecureContext({ cert: readFileSync(cert), key: readFileSync(key) });
  } catch (cause) {
    faults.push(`PIX_KEY_FILE: expected the private key of PIX_CERT_FILE, both as PEM, got ${(cause as NodeJS.ErrnoException).code}`);
  }
  return faults;
}

/** What Meta cannot be asked without, nor believed. */
function whatsappFaults(env: Environment): string[] {
  const needed = ['WHATSAPP_PHONE_NUMBER_ID', 'WHATSAPP_ACCESS_TOKEN', 'WHATSAPP_APP_SECRET', 'WHATSAPP_VERIFY_TOKEN'] as const;
  return needed.filter((name) => !env[name]?.trim()).map((name) => `${name}: expected a value beside WHATSAPP_API_URL`);
}

function unreadable(file: string): string | undefined {
  try {
    readFileSync(file);
    return undefined;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code;
  }
}
