import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { Engines } from '../../src/embedded/engines.js';
import { createLog } from '../../src/observability/log.js';

interface Wanted {
  /** A folder to use; without one, a temporary folder that goes with the engines. */
  dir?: string;
  postgres?: boolean;
  redis?: boolean;
  /** True: as safe as the product's, hence slower. */
  durable?: boolean;
  maxConnections?: number;
  /** False: a server as it comes. */
  tuned?: boolean;
  namespaces?: boolean;
  env?: Readonly<Record<string, string | undefined>>;
}

/** Private engines for tests, by the code of the product. */
export async function startEngines({
  dir,
  postgres = true,
  redis = true,
  durable = false,
  maxConnections = 300,
  tuned,
  namespaces,
  env,
}: Wanted = {}) {
  const dataDir = dir ?? (await mkdtemp(join(tmpdir(), 'mutirao-engines-')));
  const log = createLog({ LOG_LEVEL: 'error', DEBUG: false }, 'engines');
  const engines = new Engines({ dataDir, postgres, redis, durable, maxConnections, tuned, namespaces, env: env ?? process.env }, log);
  const stop = async () => {
    await engines.stop();
    if (dir === undefined) await rm(dataDir, { recursive: true, force: true });
  };
  const urls = await engines.start().catch(async (fault: unknown) => {
    await stop();
    throw fault;
  });
  /** By a connection of its own, as the server may have been killed or be frozen. */
  const rows = async <T extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<T[]> => {
    const client = new pg.Client({ connectionString: urls.DATABASE_URL, connectionTimeoutMillis: 3_000, query_timeout: 5_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query<T>(sql, values)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  return {
    dataDir,
    databaseUrl: urls.DATABASE_URL ?? '',
    redisUrl: urls.REDIS_URL ?? '',
    cacheRedisUrl: urls.CACHE_REDIS_URL ?? '',
    get postgresPid() {
      return engines.pids.PostgreSQL;
    },
    get redisPid() {
      return engines.pids['Redis for queues'];
    },
    get cacheRedisPid() {
      return engines.pids['Redis for caches'];
    },
    rows,
    stop,
  };
}
