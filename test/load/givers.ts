import { createHmac, randomUUID } from 'node:crypto';
import pg from 'pg';
import { newId } from '../../src/kernel/ids.js';
import { pause } from '../../src/kernel/waiting.js';
import type { Asked } from './against.js';
import { Connection } from './connection.js';

const TICK_MS = 5;
export const SANDBOX_SECRET = 'a secret of the bench';

/** An organizer with so many campaigns that take gifts; their ids. */
export async function addCampaigns(databaseUrl: string, many: number): Promise<string[]> {
  const db = new pg.Client({ connectionString: databaseUrl });
  await db.connect();
  const owner = newId();
  const ids = Array.from({ length: many }, () => newId());
  await db.query(`INSERT INTO users (id, email, name, role) VALUES ($1, $2, 'Ana Souza', 'organizer')`, [owner, `${owner}@example.org`]);
  await db.query(
    `INSERT INTO campaigns (id, slug, owner_id, title, summary, description, goal_cents, currency, status)
     SELECT id, 'c-' || id, $2, 'Reforma da creche', 'A creche atende 120 crianças do bairro e precisa de telhado novo já.', '<p>Sim.</p>', 5000000, 'BRL', 'active'
       FROM unnest($1::uuid[]) AS id`,
    [ids, owner],
  );
  await db.end();
  return ids;
}

const guest = () => ({ name: 'Bruno Lima', email: `${randomUUID()}@example.org` });

export const pledgeOf = (method: string) => JSON.stringify({ amountCents: 5_000, method, donor: guest() });

/** Each by a key of its own, that the tool puts in; nobody but the bench confirms them. */
export const asGiver = { 'content-type': 'application/json', 'idempotency-key': '[<id>]', 'x-sandbox-behaviour': 'never' };

export const giftsTo = (url: string, method: string): Asked => ({
  url,
  method: 'POST',
  headers: asGiver,
  body: pledgeOf(method),
  idReplacement: true,
});

/** What a giver sends besides: his own key, and that nobody but the bench confirms. */
export const pledgeHeaders = () => `idempotency-key: ${randomUUID()}\r\nx-sandbox-behaviour: never\r\n`;

/** What is told to come again comes again, as givers and providers do. */
async function ask(connection: Connection, path: string, headers: string, body: string, right: number): Promise<string> {
  for (;;) {
    const answer = await connection.ask('POST', path, headers, body);
    if (answer.status === right) return answer.body.toString('latin1');
    if (answer.status !== 503) throw new Error(`${path} was answered with ${answer.status}: ${answer.body.toString()}`);
  }
}

export async function pledge(connection: Connection, campaignId: string, method = 'card'): Promise<string> {
  const answer = await ask(connection, `/api/v1/campaigns/${campaignId}/donations`, pledgeHeaders(), pledgeOf(method), 201);
  return answer.slice(7, 43);
}

const WEBHOOK = '/api/v1/payments/webhooks/sandbox';

/** By the sandbox's own signed webhook. */
export async function confirm(connection: Connection, donationId: string, door = WEBHOOK): Promise<void> {
  const event = JSON.stringify({ id: donationId, type: 'payment.paid', donationId, amountCents: 5_000, currency: 'BRL' });
  const seconds = Math.floor(Date.now() / 1_000);
  const proof = createHmac('sha256', SANDBOX_SECRET).update(`${seconds}.${event}`).digest('hex');
  await ask(connection, door, `x-sandbox-signature: t=${seconds},v1=${proof}\r\n`, event, 200);
}

/** So many pieces of work, over all connections; each takes the next when it is free. */
export async function spread<T>(
  connections: readonly Connection[],
  many: number,
  work: (connection: Connection, n: number) => Promise<T>,
): Promise<T[]> {
  const done: T[] = [];
  let next = 0;
  await Promise.all(
    connections.map(async (connection) => {
      while (next < many) {
        const n = next++;
        done[n] = await work(connection, n);
      }
    }),
  );
  return done;
}

/** So many gifts a second, confirmed, until it is told to stop. */
export async function keepGiving(url: string, campaigns: readonly string[], perSecond: number) {
  const connection = await Connection.to(url);
  let given = 0;
  const over = new AbortController();
  const began = performance.now();
  const giving = (async () => {
    while (!over.signal.aborted) {
      const due = Math.floor(((performance.now() - began) / 1_000) * perSecond);
      if (given >= due) await pause(TICK_MS);
      else await confirm(connection, await pledge(connection, campaigns[(given += 1) % campaigns.length] ?? ''));
    }
  })();
  return {
    given: () => given,
    stop: async () => {
      over.abort();
      await giving;
      connection.close();
    },
  };
}
