import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../src/config/config.js';
import { newId } from '../../src/kernel/ids.js';
import { openDonations } from './donations.js';
import { eventually } from './lab.js';
import type { Session } from './people.js';

/** Campaigns of an owner, one for each title, in the order of the titles. */
export const CAMPAIGNS = `
  INSERT INTO campaigns (id, slug, owner_id, title, summary, description, category, goal_cents, currency, status, created_at)
  SELECT lpad(to_hex($1::int + n), 32, '0')::uuid, 'c-' || ($1::int + n), $2, title, 's', 'd', (ARRAY['health', 'education', 'animals'])[1 + n::int % 3],
    1000000 + n * 100000, 'BRL', CASE n % 4 WHEN 3 THEN 'ended' ELSE 'active' END, now() - interval '500 days'
  FROM unnest($3::text[]) WITH ORDINALITY AS t(title, n)`;

/** So many gifts of so many givers in all states, spread over campaigns and so many days until now, as nobody could give them one by one. */
export const GIFTS = `
  INSERT INTO donations (id, campaign_id, donor_key, donor_name, donor_email, messaging_consent, anonymous, message, amount_cents, currency,
    provider, method, status, created_at, expires_at, confirmed_at)
  SELECT lpad(to_hex(n), 32, '0')::uuid, campaigns[1 + n % array_length(campaigns, 1)], lpad(to_hex(n * 7919::bigint % $3::int), 32, '0')::uuid,
    'Bruno Lima', 'p' || n || '@example.org', false, n % 7 = 0, NULL, 100 + n * 104729::bigint % 50000, 'BRL', 'sandbox',
    CASE n % 3 WHEN 0 THEN 'card' ELSE 'pix' END, status, at, now() + interval '9 days', CASE WHEN status IN ('confirmed', 'refunded') THEN at + interval '5 minutes' END
  FROM generate_series(1, $2::int) AS n,
    LATERAL (SELECT $1::uuid[] AS campaigns, (ARRAY['confirmed', 'confirmed', 'confirmed', 'confirmed', 'confirmed', 'confirmed', 'confirmed',
      'refunded', 'failed', 'expired', 'pending'])[1 + n % 11] AS status, now() - interval '10 minutes' - (n * 86028121::bigint % ($4::int * 86400::bigint)) * interval '1 second' AS at) AS made`;

export const RECIPIENT = `INSERT INTO whatsapp_recipients (phone, next_at, opted_out) VALUES ('+5511987654321', now(), false)`;
export const MESSAGES = `
  INSERT INTO whatsapp_messages (id, campaign_id, lane, phone, text, template, state, send_at, rank_at, handovers, tries, code, created_at, sent_at)
  SELECT lpad(to_hex(n), 32, '0')::uuid, ($1::uuid[])[1 + n % array_length($1::uuid[], 1)], CASE n % 4 WHEN 0 THEN 'direct' ELSE 'broadcast' END,
    '+5511987654321', NULL, '{"name": "news"}', state, at, at, 1, 1, CASE state WHEN 'failed' THEN 131026 END, at,
    CASE WHEN state IN ('sent', 'delivered', 'read') THEN at + interval '1 minute' END
  FROM generate_series(1, $2::int) AS n,
    LATERAL (SELECT (ARRAY['read', 'read', 'delivered', 'delivered', 'delivered', 'sent', 'failed', 'suppressed', 'held', 'unknown'])[1 + n % 10] AS state,
      now() - interval '1 hour' - (n * 86028121::bigint % ($3::int * 86400::bigint)) * interval '1 second' AS at) AS made`;

export const AI_CALLS = `
  INSERT INTO ai_calls (id, user_id, day, model, state, streaming, reserved, spent, reserved_nanos, cost_nanos, lease_until, began_at, ended_at)
  SELECT lpad(to_hex(n), 32, '0')::uuid, $1, (now() AT TIME ZONE 'America/Sao_Paulo')::date - (n * 7919::bigint % $3::int)::int,
    (ARRAY['gpt-4o-mini', 'gpt-4o', 'mutirao-offline'])[1 + n % 3], CASE n % 50 WHEN 0 THEN 'lapsed' ELSE 'settled' END, n % 2 = 0,
    100 + n % 900, n % 900, (n % 900) * 150, (n % 900) * 150, now(), now(), now()
  FROM generate_series(1, $2::int) AS n`;

const GIVEN = 3_000;
const DAYS = 420;
export const TITLES = { ana: ['Um telhado novo', 'Água para todos', 'Cães da rua'], eva: ['Livros na praça', 'Sopa de inverno'] };

/** An installation with a past, and a folder of its own for what is exported. */
export async function openBusiness(env: Environment = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'mutirao-business-'));
  const d = await openDonations({ ANALYTICS_DIR: folder, RATE_LIMIT_PER_MINUTE: '0', ...env });
  await d.rows(CAMPAIGNS, [1_000, d.ana.user.id, TITLES.ana]);
  await d.rows(CAMPAIGNS, [2_000, d.eva.user.id, TITLES.eva]);
  const ids = (await d.rows<{ id: string }>(`SELECT id FROM campaigns WHERE slug LIKE 'c-%' ORDER BY id`)).map(({ id }) => id);
  await d.rows(GIFTS, [ids, GIVEN, 1_709, DAYS]);
  await d.rows(RECIPIENT);
  await d.rows(MESSAGES, [ids, 800, 90]);
  await d.rows(AI_CALLS, [d.admin.user.id, 900, 120]);

  const ask = (method: string, path: string, body?: unknown, as: Session = d.admin) =>
    d.send(method, `/analytics${path}`, body, as.accessToken);
  const refresh = async () => {
    const { json } = await ask('POST', '/refresh');
    const { json: told } = await eventually(
      () => ask('GET', '/datasets'),
      ({ json: now }) => {
        const last = now.refresh as { id: string; state: string } | null;
        return last !== null && last.id >= String(json.id) && ['done', 'failed'].includes(last.state);
      },
    );
    return told.refresh as { state: string; finding: Record<string, number | string> };
  };
  return {
    ...d,
    ...{ folder, ids, ask, refresh },
    query: async (sql: string, as: Session = d.admin) => ask('POST', '/query', { sql }, as),
    file: async (path: string, as: Session = d.admin, init: RequestInit = {}) => {
      const headers = { authorization: `Bearer ${as.accessToken}`, 'content-type': 'application/json' };
      return fetch(`${d.url}/api/v1/analytics${path}`, { headers, ...init });
    },
    unique: newId,
    close: async () => {
      await d.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type Business = Awaited<ReturnType<typeof openBusiness>>;
