import { fileURLToPath } from 'node:url';
import { startCloudApi } from '../../support/cloud-api.js';
import { startEngines } from '../../support/engines.js';
import { openLink, type FaultLink } from '../../support/fault-proxy.js';
import { eventually } from '../../support/lab.js';
import { startNginx } from '../../support/nginx.js';
import { KEY, startOpenAI } from '../../support/openai.js';
import { startPsp } from '../../support/psp.js';
import type { SmallDisk } from '../../support/small-disk.js';
import { startSmtp } from '../../support/smtp.js';
import { aPort } from '../../support/tools.js';
import { farOr } from '../../support/drills.js';
import { canary, send } from './asking.js';
import { anInstance, type Instance } from './instance.js';
import { newcomers, organizer, type Person } from './people.js';

/** More than both instances ever open. */
const MOST_SESSIONS = 360;
const CAMPAIGNS = 3;
export const DAILY_TOKENS = 10_000;
export const AI_MODEL = 'model-of-tests';
/** So that a line of many thousands is sent in minutes. */
export const RATE_PER_SECOND = 300;
export const WEBHOOK_WORD = 'word-of-the-bank';
const PEOPLE = 6;

/** From one instance to PostgreSQL and to both servers of Redis. */
const linked = ['postgres', 'queue', 'cache'] as const;
export type Linked = (typeof linked)[number];
type Links = Record<Linked, FaultLink>;

async function openLinks(paths: Record<Linked, string>): Promise<Links> {
  const all = await Promise.all(linked.map(async (name) => [name, await openLink({ path: paths[name] })] as const));
  return Object.fromEntries(all) as Links;
}

const addressesOf = ({ postgres, queue, cache }: Links) => ({
  DATABASE_URL: `postgres://postgres@127.0.0.1:${postgres.port}/mutirao`,
  REDIS_URL: `redis://127.0.0.1:${queue.port}`,
  CACHE_REDIS_URL: `redis://127.0.0.1:${cache.port}`,
});

/** Does something while nobody asks anything. */
type Between = (work: () => Promise<[FaultLink, FaultLink]>) => Promise<[FaultLink, FaultLink]>;

/** Whom both instances ask in the world outside, each over one link. */
export type Outside = 'bank' | 'Meta' | 'AI' | 'post';

/** The same place by way of a link. */
async function linkedTo(url: string): Promise<{ link: FaultLink; url: string }> {
  const by = new URL(url);
  const link = await openLink({ host: by.hostname, port: Number(by.port) });
  by.port = String(link.port);
  return { link, url: by.href };
}

/** Each answer of the AI begins with the mark of who asked: so it is seen where it gets to somebody else. */
export const markOf = (messages: unknown) => JSON.stringify(messages).match(canary)?.at(-1);

const socketOf = (url: string) => fileURLToPath(url.replace(/^unix:/, 'file:'));

/**
 * Two instances behind nginx, with an engine of each kind and stand-ins of the bank, of Meta, of OpenAI and of the post, each with a
 * ledger of its own. What an instance says to any of them goes over links that can fail. With a small disk the engines keep all they
 * have there.
 */
export async function startSite(nginxProgram: string, disk?: SmallDisk) {
  const engines = await startEngines({ dir: disk?.folder, durable: true, maxConnections: MOST_SESSIONS });
  const [bank, cloud, ai, post] = await Promise.all([startPsp(), startCloudApi(), startOpenAI({ opening: markOf }), startSmtp()]);
  const toBank = await linkedTo(bank.settings.url);
  const toMeta = await linkedTo(cloud.url);
  const toAI = await linkedTo(ai.url);
  const toPost = await linkedTo(post.url);
  const outside: Record<Outside, FaultLink> = { bank: toBank.link, Meta: toMeta.link, AI: toAI.link, post: toPost.link };
  const paths = {
    postgres: `${new URL(engines.databaseUrl).searchParams.get('host')}/.s.PGSQL.5432`,
    queue: socketOf(engines.redisUrl),
    cache: socketOf(engines.cacheRedisUrl),
  };
  const ports: readonly [number, number] = [await aPort(), await aPort()];
  const serversAt = ([one, two]: readonly [number, number]) => ({ '127.0.0.1:3001': one, '127.0.0.1:3002': two });
  const upstreams = { file: 'docker/systemd/nginx.upstreams.conf', servers: serversAt(ports) };
  const nginx = await startNginx({ program: nginxProgram, upstreams, trusted: 'set_real_ip_from 127.0.0.1;', tls: false });
  const url = `http://127.0.0.1:${nginx.port}`;
  const { key: PIX_KEY, clientId, clientSecret } = bank.settings;
  const settings = {
    ...{ ENVIRONMENT: 'production', HOST: '127.0.0.1', PUBLIC_URL: url, TRUST_PROXY: '127.0.0.1', SECRET_KEY: 'fault'.repeat(16) },
    ...{ WORKERS: '2', LOG_LEVEL: 'warn', PGPOOL_MIN_CONNECTIONS: '2' },
    ...{ ANALYTICS_REFRESH_MINUTES: '0', SMTP_URL: toPost.url },
    // What is bounded is kept count of, but nobody of the crowd comes near the bounds.
    ...{ RATE_LIMIT_IP_PER_MINUTE: '60000', RATE_LIMIT_USER_PER_MINUTE: '60000', RATE_LIMIT_PER_MINUTE: '60000' },
    ...{ PAYMENT_PROVIDER: 'pix', PIX_API_URL: toBank.url, PIX_KEY, PIX_CLIENT_ID: clientId, PIX_CLIENT_SECRET: clientSecret },
    ...{ PIX_WEBHOOK_SECRET: WEBHOOK_WORD, ...cloud.env, WHATSAPP_API_URL: toMeta.url, WHATSAPP_ENFORCE_WINDOW: 'false' },
    ...{ WHATSAPP_RATE_PER_SECOND: String(RATE_PER_SECOND) },
    ...{ AI_BASE_URL: toAI.url, AI_API_KEY: KEY, AI_MODEL, AI_DAILY_TOKENS: String(DAILY_TOKENS) },
    // Beside other tests a machine is too busy for what it would be asked alone.
    OVERLOAD_DELAY_MS: farOr('250', '0'),
  };
  const links: Links[] = [];
  const instances: Instance[] = [];
  for (const port of ports) {
    const own = await openLinks(paths);
    links.push(own);
    instances.push(anInstance({ ...settings, ...addressesOf(own), PORT: String(port) }));
  }
  await Promise.all(instances.map((instance) => instance.start()));
  const owner = await organizer(url, engines.rows, CAMPAIGNS);
  const people = await newcomers(url, PEOPLE);

  /** A server that refuses is passed over by nginx, a link that finds nobody is not: so they stand there only from when they are to fail. */
  let toInstances: Promise<[FaultLink, FaultLink]> | undefined;
  async function openEdge(): Promise<[FaultLink, FaultLink]> {
    const to = (port: number) => openLink({ host: '127.0.0.1', port });
    const both: [FaultLink, FaultLink] = [await to(ports[0]), await to(ports[1])];
    nginx.lead(serversAt([both[0].port, both[1].port]));
    await eventually(
      async () => {
        await send(url, { path: '/health/live', address: '198.51.100.6' });
        return both.every((link) => link.accepted() > 0);
      },
      (asked) => asked,
    );
    return both;
  }

  return {
    url,
    nginx,
    ...{ engines, bank, cloud, ai, post, paths, settings, disk },
    ...{ instances: instances as [Instance, Instance], links: links as [Links, Links] },
    rows: engines.rows,
    ...{ owner, people, campaigns: owner.campaigns },
    newcomers: (many: number): Promise<Person[]> => newcomers(url, many),
    /** One to each service of the world outside. */
    outside,
    /** From now on what nginx says to the instances goes over links as well, one to each. Those who asked it before lose the connections that they kept. */
    edge: (between: Between) => (toInstances ??= between(openEdge)),
    /** One instance more, that shares nothing but what it is given. */
    another: async (env: Readonly<Record<string, string>>, given?: Links) => {
      const own = given ?? (await openLinks(paths));
      const instance = anInstance({ ...settings, ...addressesOf(own), PORT: String(await aPort()), ...env });
      const stop = async () => {
        await instance.stop();
        if (!given) await Promise.all(linked.map((name) => own[name].close()));
      };
      return { instance, links: own, stop };
    },
    async close() {
      await Promise.all(instances.map((instance) => instance.stop()));
      await nginx.stop();
      await Promise.all(links.flatMap((own) => linked.map((name) => own[name].close())));
      const edge = (await toInstances?.catch(() => [])) ?? [];
      await Promise.all([...edge, ...Object.values(outside)].map((link) => link.close()));
      await Promise.all([engines.stop(), bank.stop(), cloud.close(), ai.stop(), post.stop()]);
    },
  };
}

export type Site = Awaited<ReturnType<typeof startSite>>;
