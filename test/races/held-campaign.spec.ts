import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { wish } from '../support/donations.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { openSite, type Site } from '../support/gifts.site.js';
import { eventually } from '../support/lab.js';

const PROCESSES = 2;
const OF_EACH = 5;

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let site: Site;
beforeAll(async () => {
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  // As many connections as work at once: none is opened beside those that stand still.
  site = await openSite({ databaseUrl: database.url, redisUrl: redis.url, rows: database.rows }, { PGPOOL_MAX_CONNECTIONS: '10' });
});
afterAll(async () => {
  await site.close();
  await Promise.all([database.drop(), redis.stop()]);
});

/** Once: what comes of being refused is what is looked at. */
async function give(at: number, campaignId: string, { key, body }: { key: string; body: object }) {
  const answer = await fetch(`${site.labs[at % PROCESSES]!.url}/api/v1/campaigns/${campaignId}/donations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key, 'x-sandbox-behaviour': 'never' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, code: ((await answer.json()) as { code?: string }).code };
}

it('Those who give to a campaign that somebody holds keep nobody else waiting, are refused in time, and find it again', async () => {
  const [held, other] = [await site.campaign(), await site.campaign()];
  const wishes = Array.from({ length: 60 }, () => ({ key: newId(), body: wish() }));
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM campaigns WHERE id = $1 FOR UPDATE', [held]);
  let answered = 0;
  const gifts = wishes.map((one, n) => give(n, held, one).finally(() => (answered += 1)));
  await eventually(
    () => database.rows(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`),
    ({ length }) => length === PROCESSES * OF_EACH,
  );
  const others = await Promise.all(wishes.slice(0, 20).map(({ body }, n) => give(n, other, { key: newId(), body })));
  expect([new Set(others.map(({ status }) => status)), answered]).toEqual([new Set([201]), 0]);
  for (const { status, headers, code } of await Promise.all(gifts)) {
    expect([status, code]).toEqual([503, 'overloaded']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  }
  await holder.query('COMMIT');
  await holder.end();
  const again = await Promise.all(wishes.map((one, n) => give(n, held, one)));
  expect(new Set(again.map(({ status }) => status))).toEqual(new Set([201]));
  expect(await database.rows('SELECT FROM donations WHERE campaign_id = $1', [held])).toHaveLength(wishes.length);
});
