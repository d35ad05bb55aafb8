import type pg from 'pg';
import { newId } from '../../../src/kernel/ids.js';
import { startCloudApi } from '../../support/cloud-api.js';
import { startEngines } from '../../support/engines.js';
import { startNginx } from '../../support/nginx.js';
import { startOpenAI } from '../../support/openai.js';
import { startPsp } from '../../support/psp.js';
import { toolOf } from '../../support/tool-of.js';
import { aPort } from '../../support/tools.js';
import { connected } from './fault.js';
import { newcomers, organizer } from './people.js';
import { markOf, type Site } from './site.js';

const CAMPAIGNS = 2;
const PEOPLE = 4;

/** For all who are connected to it, `now()` is so much later. */
async function laterDatabase({ engines }: Site, aheadMs: number) {
  const name = `later_${newId().replaceAll('-', '')}`;
  const admin = await connected(engines.databaseUrl);
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.query(`ALTER DATABASE ${name} SET search_path = public, pg_catalog`);
  const url = new URL(engines.databaseUrl);
  url.pathname = `/${name}`;
  const client = await connected(url.href);
  for (const [clock, how] of [
    ['now', 'STABLE'],
    ['clock_timestamp', 'VOLATILE'],
  ])
    await client.query(
      `CREATE FUNCTION public.${clock}() RETURNS timestamptz LANGUAGE sql ${how} PARALLEL SAFE
       AS $$ SELECT pg_catalog.${clock}() + interval '${aheadMs} milliseconds' $$`,
    );
  return {
    url: url.href,
    rows: async <T extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<T[]> =>
      (await client.query<T>(sql, values)).rows,
    async drop() {
      await client.end();
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.end();
    },
  };
}

/**
 * A small site beside the other, with a server of PostgreSQL in common, for which it has been so much later from its first moment on:
 * so say its database and the clocks of all its processes, and what comes with an hour of the day comes by itself.
 */
export async function startLater(site: Site, aheadMs: number, more: Readonly<Record<string, string>>) {
  const database = await laterDatabase(site, aheadMs);
  const redis = await startEngines({ postgres: false });
  const [bank, cloud, ai] = await Promise.all([startPsp(), startCloudApi(), startOpenAI({ opening: markOf })]);
  const ports: readonly [number, number] = [await aPort(), await aPort()];
  const servers = { '127.0.0.1:3001': ports[0], '127.0.0.1:3002': ports[1] };
  const upstreams = { file: 'docker/systemd/nginx.upstreams.conf', servers };
  const nginx = await startNginx({ program: toolOf('nginx'), upstreams, trusted: 'set_real_ip_from 127.0.0.1;', tls: false });
  const url = `http://127.0.0.1:${nginx.port}`;
  const { url: PIX_API_URL, key: PIX_KEY, clientId, clientSecret } = bank.settings;
  const own = {
    ...{ WORKERS: '1', PUBLIC_URL: url, PGPOOL_MAX_CONNECTIONS: '10' },
    ...{ DATABASE_URL: database.url, REDIS_URL: redis.redisUrl, CACHE_REDIS_URL: redis.cacheRedisUrl },
    ...{ PIX_API_URL, PIX_KEY, PIX_CLIENT_ID: clientId, PIX_CLIENT_SECRET: clientSecret, ...cloud.env, AI_BASE_URL: ai.url },
    ...more,
  };
  const both = await Promise.all(ports.map((port) => site.another({ ...own, PORT: String(port) })));
  const close = async () => {
    await Promise.all(both.map(({ stop }) => stop()));
    await nginx.stop();
    await Promise.all([redis.stop(), bank.stop(), cloud.close(), ai.stop()]);
    await database.drop();
  };
  try {
    await Promise.all(
      both.map(async ({ instance }) => {
        await instance.putClock(aheadMs);
        await instance.start();
      }),
    );
    const { rows } = database;
    const owner = await organizer(url, rows, CAMPAIGNS);
    const people = await newcomers(url, PEOPLE);
    const later: Site = {
      ...{ ...site, url, nginx, bank, cloud, ai, rows, owner, people, campaigns: owner.campaigns },
      newcomers: (many) => newcomers(url, many),
    };
    return { later, close };
  } catch (fault) {
    await close();
    throw fault;
  }
}
