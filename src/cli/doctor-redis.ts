import { Cluster } from 'ioredis';
import type { Config } from '../config/config.js';
import { createLog } from '../observability/log.js';
import { connectRedis, type RedisClient } from '../redis/redis.client.js';
import { codeOf, fault, ok, reasonOf, type Check, type Finding } from './doctor-finding.js';

const NEEDED_POLICY = 'noeviction';
const OLDEST = [6, 2] as const;

// What the client waits for after it was told to go would keep the process.
const AT_ONCE = { socketTimeout: 2_500, disconnectTimeout: 100 };

const remedies: Record<string, string | undefined> = {
  ECONNREFUSED: 'start the server, or mend host and port',
  ENOENT: 'start the server, or mend the path of its socket',
  ENOTFOUND: 'mend the host name',
};

export function redisChecks(config: Config): Check[] {
  const check = (about: 'REDIS_URL' | 'CACHE_REDIS_URL', url: string | undefined): Check[] =>
    url === undefined
      ? []
      : [{ about, whenSilent: `see whether the server answers others, or mend its address`, run: (signal) => look(about, url, signal) }];
  return [...check('REDIS_URL', config.REDIS_URL), ...check('CACHE_REDIS_URL', config.CACHE_REDIS_URL)];
}

async function look(about: 'REDIS_URL' | 'CACHE_REDIS_URL', url: string, signal: AbortSignal): Promise<Finding[]> {
  const client = connectRedis(url, 'doctor', createLog({ LOG_LEVEL: 'silent', DEBUG: false }, 'doctor'), AT_ONCE);
  signal.addEventListener('abort', () => client.disconnect());
  try {
    await ready(client);
    const servers = client instanceof Cluster ? client.nodes('master') : [client];
    const infos = await Promise.all(servers.map(async (server) => factsOf(await server.info())));
    return infos.map((info) => judge(about, info)).filter(({ level }, index) => level === 'fault' || index === 0);
  } catch (cause) {
    return [fault(about, reasonOf(cause), remedies[codeOf(cause) ?? ''] ?? 'mend the address, or the server')];
  }
}

const ready = (client: RedisClient) =>
  new Promise<void>((resolve, reject) => {
    client.once('ready', () => resolve());
    client.once('error', (cause: Error & { lastNodeError?: Error }) => reject(cause.lastNodeError ?? cause));
  });

const factsOf = (text: string): Record<string, string | undefined> =>
  Object.fromEntries(text.split('\r\n').map((line) => line.split(':', 2) as [string, string]));

function judge(
  about: 'REDIS_URL' | 'CACHE_REDIS_URL',
  { redis_version = '0', maxmemory_policy, role }: Record<string, string | undefined>,
): Finding {
  const [major = 0, minor = 0] = redis_version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    return fault(about, `Redis ${redis_version}`, `use ${OLDEST.join('.')} or later`);
  if (role !== 'master') return fault(about, 'this server is a replica and takes no writes', `point ${about} to the primary`);
  if (about === 'REDIS_URL' && maxmemory_policy !== NEEDED_POLICY)
    return fault(
      about,
      `maxmemory-policy is ${maxmemory_policy}, so jobs and counters can be evicted`,
      `CONFIG SET maxmemory-policy ${NEEDED_POLICY}, also in redis.conf, and give caches a server of their own in CACHE_REDIS_URL`,
    );
  return ok(about, `Redis ${redis_version} answers, maxmemory-policy ${maxmemory_policy}`);
}
