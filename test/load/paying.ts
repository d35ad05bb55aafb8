import pg from 'pg';
import { newId } from '../../src/kernel/ids.js';
import { pause } from '../../src/kernel/waiting.js';
import type { Crowd } from './against.js';
import { Connection } from './connection.js';
import { confirm, spread } from './givers.js';

const LOOK_MS = 20;

/** Gifts that wait for their payment, spread over these campaigns. */
const PLEDGED = `INSERT INTO donations (id, campaign_id, donor_key, donor_name, donor_email, messaging_consent, anonymous, amount_cents, currency,
    provider, method, payment, status, created_at, expires_at)
  SELECT id, ($2::uuid[])[1 + n % cardinality($2::uuid[])], id, 'Bruno Lima', id || '@example.org', false, false, 5000, 'BRL',
    'sandbox', 'card', repeat('x', 150), 'pending', now(), now() + interval '1 hour' FROM unnest($1::uuid[]) WITH ORDINALITY AS gift (id, n)`;

/** Payments told by the sandbox's webhook, until all of them are in books and totals. */
export const paying =
  (url: string, path: string, databaseUrl: string, campaigns: readonly string[]): Crowd =>
  async (amount, many) => {
    const db = new pg.Client({ connectionString: databaseUrl });
    await db.connect();
    const gifts = Array.from({ length: amount }, () => newId());
    await db.query(PLEDGED, [gifts, campaigns]);
    const connections = await Promise.all(Array.from({ length: many }, () => Connection.to(url)));
    return async () => {
      try {
        await spread(connections, amount, (connection, n) => confirm(connection, gifts[n] ?? '', path));
        while ((await db.query('SELECT FROM campaign_tail LIMIT 1')).rowCount) await pause(LOOK_MS);
        const { rowCount } = await db.query(
          `SELECT FROM donations JOIN ledger ON donation_id = donations.id WHERE donations.id = ANY($1) AND status = 'confirmed'`,
          [gifts],
        );
        if (rowCount !== amount) throw new Error(`${url}${path} confirmed ${rowCount} of ${amount} gifts`);
      } finally {
        for (const connection of connections) connection.close();
        await db.end();
      }
    };
  };
