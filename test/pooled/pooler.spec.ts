import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusalOf } from '../support/database.js';
import { openPeople, type People } from '../support/people.js';

let people: People;
let pooled: URL;
beforeAll(async () => {
  people = await openPeople();
  pooled = new URL(process.env.TESTS_POOLER ?? '');
  pooled.pathname = `/${String((await people.rows<{ name: string }>('SELECT current_database() AS name'))[0]?.name)}`;
});
afterAll(() => people.close());

const asked = async <T>(config: pg.ClientConfig, ask: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client(config);
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await ask(client);
  } finally {
    await client.end().catch(() => undefined);
  }
};

describe('Through PgBouncer', () => {
  it('session settings at the start of a connection are refused, so that they belong to the role', async () => {
    const refused = await refusalOf(
      asked({ connectionString: pooled.href, statement_timeout: 1_000 }, (client) => client.query('SELECT 1')),
    );
    expect(refused.message).toContain('statement_timeout');
  });

  it('what many connections ask is answered by few of the server', async () => {
    const clients = await Promise.all(
      Array.from({ length: 150 }, async () => {
        const client = new pg.Client({ connectionString: pooled.href });
        await client.connect();
        return client;
      }),
    );
    const pids = await Promise.all(
      clients.map(async (client) => (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid),
    );
    await Promise.all(clients.map((client) => client.end()));
    expect(new Set(pids).size).toBeLessThanOrEqual(100);
  });

  it('is the way the application takes', async () => {
    const stats = new URL(pooled);
    stats.username = 'pgbouncer_stats';
    stats.pathname = '/pgbouncer';
    const transactions = () =>
      asked({ connectionString: stats.href }, async (client) => {
        const { rows } = await client.query<{ database: string; total_xact_count: string }>('SHOW STATS');
        return Number(rows.find(({ database }) => `/${database}` === pooled.pathname)?.total_xact_count);
      });
    const before = await transactions();
    const { accessToken } = await people.person();
    expect((await people.send('GET', '/users/me', undefined, accessToken)).status).toBe(200);
    expect(await transactions()).toBeGreaterThan(before);
  });
});
