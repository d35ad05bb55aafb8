import pg from 'pg';
import { Connection } from './connection.js';
import { cpuSeconds, median, type Figure } from './figures.js';
import { confirm, pledge, spread } from './givers.js';

const CLIENTS = 64;
const GIFTS = 3_000;
const TURNS = 5;
const MANY = 1_000_000;
const MOST_GROWTH = 1.2;

/** What has been given before: gifts as they lie in the tables, with all that belongs to each. */
const GROW = `WITH gift AS (
    INSERT INTO donations (id, campaign_id, donor_key, donor_name, donor_email, messaging_consent, anonymous, amount_cents, currency, provider, method,
      payment, reference, status, created_at, expires_at, confirmed_at)
    SELECT uuidv7(), $1, uuidv7(), 'Bruno Lima', n || '@example.org', false, false, 5000, 'BRL', 'sandbox', 'card', repeat('x', 150), 'r' || n,
      'confirmed', now(), now(), now() FROM generate_series(1, $2::int) AS n
    RETURNING id, donor_key
  ), answered AS (
    INSERT INTO stored_answers (key, question, donation_id, status, body, lease_until, created_at)
    SELECT uuid_send(id), uuid_send(id), id, 201, repeat('x', 300), now(), now() FROM gift
  ), told AS (
    INSERT INTO payment_events (provider, event_id, donation_id, kind, amount_cents, reference, state, received_at)
    SELECT 'sandbox', id::text, id, 'paid', 5000, 'r', 'applied', now() FROM gift
  ), given AS (
    INSERT INTO campaign_donors (campaign_id, donor_key, gifts) SELECT $1, donor_key, 1 FROM gift
  ) INSERT INTO ledger (donation_id, kind, campaign_id, debit, credit, amount_cents, at)
    SELECT id, 'gift', $1, 'provider:sandbox', 'campaign:' || $1, 5000, now() FROM gift`;

/** Of a pledge and of its confirmation: with few gifts before, and with a million. */
export async function confirmations(url: string, databaseUrl: string, campaigns: readonly string[], pids: number[]): Promise<Figure[]> {
  const few = await costs(url, campaigns, pids);
  await grow(databaseUrl, campaigns[0] ?? '');
  const many = await costs(url, campaigns, pids);
  const growth = (many.pledged + many.confirmed) / (few.pledged + few.confirmed);
  return [
    {
      what: 'a confirmation by webhook',
      measured: `${few.confirmed.toFixed(0)} µs of CPU (a pledge by card ${few.pledged.toFixed(0)} µs), its part of the roll-up and of its receipt included`,
      promise: 'told',
      met: true,
    },
    {
      what: `a gift and its confirmation after ${MANY.toLocaleString('en')} gifts, against the first thousands`,
      measured: `${growth.toFixed(2)}× (${(many.pledged + many.confirmed).toFixed(0)} against ${(few.pledged + few.confirmed).toFixed(0)} µs)`,
      promise: `at most ${MOST_GROWTH}×`,
      met: growth <= MOST_GROWTH,
    },
  ];
}

async function costs(url: string, campaigns: readonly string[], pids: number[]) {
  const connections = await Promise.all(Array.from({ length: CLIENTS }, () => Connection.to(url)));
  const turns: { pledged: number; confirmed: number }[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    const began = cpuSeconds(pids);
    const gifts = await spread(connections, GIFTS, (connection, n) => pledge(connection, campaigns[n % campaigns.length] ?? ''));
    const between = cpuSeconds(pids);
    await spread(connections, GIFTS, (connection, n) => confirm(connection, gifts[n] ?? ''));
    turns.push({ pledged: ((between - began) / GIFTS) * 1e6, confirmed: ((cpuSeconds(pids) - between) / GIFTS) * 1e6 });
  }
  for (const connection of connections) connection.close();
  return { pledged: median(turns.map(({ pledged }) => pledged)), confirmed: median(turns.map(({ confirmed }) => confirmed)) };
}

async function grow(databaseUrl: string, campaignId: string): Promise<void> {
  const db = new pg.Client({ connectionString: databaseUrl });
  await db.connect();
  for (let n = 0; n < 10; n += 1) await db.query(GROW, [campaignId, MANY / 10]);
  await db.query('VACUUM ANALYZE');
  await db.end();
}
