import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { startEngines } from '../../support/engines.js';
import { startNginx } from '../../support/nginx.js';
import { startSmtp } from '../../support/smtp.js';
import { startSystem } from '../../support/system.js';
import { eventually } from '../../support/lab.js';
import { cpuSeconds, familyOf, sharedMb } from '../figures.js';
import { PASSWORD, type Person } from './mix.js';
import type { Place } from './users.js';

const CAMPAIGNS = 40;
const MOST_PEOPLE = 1_000;
const AT_ONCE = 16;
const TRIES = 10;
/** Which gift a letter thanks for. */
const GIFT_IN = /donations\/([\da-f-]{36})\/receipt/;
const admin = { email: 'admin@example.org', password: PASSWORD };
const words = ['telhado', 'creche', 'horta', 'biblioteca', 'quadra', 'abrigo', 'cozinha', 'enchente'];

export interface Site extends Place {
  /** Of all its processes, and nothing of those who ask. */
  figures?: { cpuSeconds: () => Record<string, number>; memoryMb: () => number };
  /** The gifts that were thanked for by now, each as often as it was; where we are the post. */
  thanked?: () => string[];
  /** Cents that the campaigns have together. */
  raised: () => Promise<number>;
  close: () => Promise<void>;
}

/** The whole system as it is run, behind nginx with its very files, as another server ends TLS before it. */
export async function startSite(users: number): Promise<Site> {
  const engines = await startEngines({ durable: true });
  const post = await startSmtp();
  const system = startSystem({
    env: {
      ...{ DATABASE_URL: engines.databaseUrl, REDIS_URL: engines.redisUrl, CACHE_REDIS_URL: engines.cacheRedisUrl },
      ...{ WORKERS: 'auto', ENVIRONMENT: 'production', SECRET_KEY: 'night'.repeat(16), TRUST_PROXY: '127.0.0.1' },
      ...{
        ADMIN_EMAIL: admin.email,
        ADMIN_PASSWORD: admin.password,
        PAYMENT_PROVIDER: 'sandbox',
        SMTP_URL: post.url,
        OVERLOAD_DELAY_MS: '250',
      },
    },
  });
  const { url } = await system.ready();
  const port = Number(new URL(url).port);
  const trusted = 'set_real_ip_from 127.0.0.1;';
  const upstreams = { file: 'docker/nginx/light.upstreams.conf', servers: { 'app:3000': port } };
  const nginx = await startNginx({ program: nginxProgram(), upstreams, trusted, tls: false });
  const own = (part: string) => cpuSeconds(familyOf([system.pid]).filter((one) => partOf(one) === part));
  const roots = [nginx.pid, system.pid, ...[engines.postgresPid, engines.redisPid, engines.cacheRedisPid].map((pid) => pid ?? 0)];
  const close = async () => {
    await nginx.stop();
    await system.stop();
    await system.end();
    await Promise.all([engines.stop(), post.stop()]);
  };
  const furnished = async () => furnish(`http://127.0.0.1:${nginx.port}`, users, await signedIn(url, admin));
  const place = await furnished().catch(async (fault: unknown) => {
    await close();
    throw fault;
  });
  return {
    ...place,
    thanked: () => post.received.flatMap(({ raw }) => GIFT_IN.exec(raw.replaceAll('=\r\n', ''))?.[1] ?? []),
    figures: {
      cpuSeconds: () => ({
        all: cpuSeconds(roots),
        nginx: cpuSeconds([nginx.pid]),
        ...{ 'request processes': own('requests'), 'the background process': own('background') },
        PostgreSQL: cpuSeconds([engines.postgresPid ?? 0]),
        Redis: cpuSeconds([engines.redisPid ?? 0, engines.cacheRedisPid ?? 0]),
      }),
      memoryMb: () => sharedMb(familyOf(roots)),
    },
    close,
  };
}

/** As the supervisor tells its processes what they are for. */
function partOf(pid: number): string | undefined {
  try {
    return /(?:^|\0)MUTIRAO_PART=(\w+)/.exec(readFileSync(`/proc/${pid}/environ`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

/** One that runs already, with the campaigns that it has. */
export async function knownSite(url: string, users: number): Promise<Site> {
  return { ...(await furnish(url.replace(/\/$/, ''), users)), close: () => Promise.resolve() };
}

function nginxProgram(): string {
  const { found, faults } = JSON.parse(spawnSync(process.execPath, ['scripts/tools.mjs', 'nginx'], { encoding: 'utf8' }).stdout) as {
    found: Record<string, string>;
    faults: Record<string, string>;
  };
  if (!found.nginx) throw new Error(faults.nginx);
  return found.nginx;
}

/** Whoever is told to come again does so: the machine may be busy before anything is measured. */
async function call(
  url: string,
  path: string,
  body?: object,
  { token = '', address = '' } = {},
  tries = TRIES,
): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}/api/v1${path}`, {
    method: body ? 'POST' : 'GET',
    headers: {
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(address ? { 'x-forwarded-for': address } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await answer.text();
  const again = Number(answer.headers.get('retry-after') ?? 0);
  if (answer.status === 503 && again > 0 && tries > 0) {
    await pause(again * 1_000);
    return call(url, path, body, { token, address }, tries - 1);
  }
  if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}: ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

const signedIn = async (url: string, who: object) => String((await call(url, '/auth/login', who)).accessToken);

async function furnish(url: string, users: number, organizer?: string): Promise<Place & Pick<Site, 'raised'>> {
  const run = Math.random().toString(36).slice(2, 10);
  if (organizer !== undefined) await inTurns(CAMPAIGNS, (n) => addCampaign(url, n, organizer));
  const active = async () => (await call(url, '/campaigns?limit=100&status=active')) as { items: { id: string; raisedCents: number }[] };
  const campaigns = (await active()).items.map(({ id }) => id);
  if (campaigns.length === 0) throw new Error(`${url} has no campaign that takes gifts`);
  const people: Person[] = [];
  await inTurns(Math.min(users, MOST_PEOPLE), async (n) => {
    const email = `night-${run}-${n}@example.org`;
    const address = `198.${18 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
    const { accessToken } = await eventually(
      () => call(url, '/auth/register', { email, password: PASSWORD, name: 'Ana Souza' }, { address }).catch(() => ({ accessToken: '' })),
      ({ accessToken: token }) => token !== '',
    ).catch((cause: unknown) => {
      throw new Error(
        `${email} cannot join at ${url}: it has to take our word for addresses (TRUST_PROXY), or each is one of many from here`,
        { cause },
      );
    });
    people.push({ email, address, token: String(accessToken) });
  });
  const raised = async () => (await active()).items.reduce((sum, { raisedCents }) => sum + raisedCents, 0);
  return { url, campaigns, people, raised };
}

async function addCampaign(url: string, n: number, token: string): Promise<void> {
  const word = words[n % words.length]!;
  // Each from an address of its own, as a person would not make so many so soon.
  const from = { token, address: `198.51.100.${n}` };
  const made = await call(
    url,
    '/campaigns',
    {
      title: `Um novo começo: ${word} ${n + 1}`,
      summary: 'A creche atende 120 crianças do bairro e precisa de ajuda já.',
      description: `<p>${'Com pouco de muitos fazemos muito. '.repeat(20)}</p>`,
      goalCents: 5_000_000,
    },
    from,
  );
  await call(url, `/campaigns/${String(made.id)}/publish`, {}, from);
}

/** All of them, a few at once. */
async function inTurns(many: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < many) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}
