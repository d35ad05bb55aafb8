import { createHmac } from 'node:crypto';
import type { Environment } from '../../src/config/config.js';
import { newId } from '../../src/kernel/ids.js';
import { newEmail, openPeople, type Session } from './people.js';

export const SECRET = 'a secret of the sandbox';

export const guest = () => ({ name: 'Bruno Lima', email: newEmail() });
export const wish = (more: object = {}) => ({ amountCents: 5_000, method: 'pix', donor: guest(), ...more });

interface How {
  at?: string;
  as?: Session;
  key?: string;
  how?: string;
}

interface Told {
  id?: string;
  type?: string;
  amountCents?: number;
  reference?: string;
}

export interface Given {
  id: string;
  statusToken: string;
  payment: Record<string, string>;
}

/** What the provider tells, signed as by whoever knows the secret. */
export function signed(
  donationId: string,
  { id = newId(), type = 'payment.paid', amountCents = 5_000, ...more }: Told = {},
  secret = SECRET,
  at = Date.now(),
) {
  const body = { id, type, donationId, amountCents, currency: 'BRL', ...more };
  const seconds = Math.floor(at / 1_000);
  const proof = createHmac('sha256', secret)
    .update(`${seconds}.${JSON.stringify(body)}`)
    .digest('hex');
  return { body, headers: { 'x-sandbox-signature': `t=${seconds},v1=${proof}` } };
}

/** An installation with organizers, a donor and a campaign that takes gifts from the sandbox. */
export async function openDonations(env: Environment = {}) {
  const people = await openPeople({
    APP_ROLE: 'all',
    ENVIRONMENT: 'development',
    RATE_LIMIT_USER_PER_MINUTE: '0',
    RATE_LIMIT_IP_PER_MINUTE: '0',
    PAYMENT_PROVIDER: 'sandbox',
    SANDBOX_WEBHOOK_SECRET: SECRET,
    ...env,
  });
  const [ana, eva, admin, donor] = await Promise.all([
    people.person({ role: 'organizer' }),
    people.person({ role: 'organizer' }),
    people.person({ role: 'admin' }),
    people.person(),
  ]);

  async function campaign(publish = true): Promise<{ id: string; slug: string }> {
    const body = { title: 'Um telhado novo', summary: 'A chuva entra.', description: '<p>Sessenta crianças.</p>', goalCents: 5_000_000 };
    const { json } = await people.send('POST', '/campaigns', body, ana.accessToken);
    if (publish) await people.send('POST', `/campaigns/${String(json.id)}/publish`, undefined, ana.accessToken);
    return json as { id: string; slug: string };
  }
  const open = await campaign();

  /** As a browser sends it; by itself it is never paid. */
  const give = (body: object = wish(), { at = open.id, as, key = newId(), how = 'never' }: How = {}) =>
    people.send('POST', `/campaigns/${at}/donations`, body, as?.accessToken, { 'idempotency-key': key, 'x-sandbox-behaviour': how });

  return {
    ...people,
    people,
    ...{ ana, eva, admin, donor, open, campaign, give },
    tell: (...told: Parameters<typeof signed>) => {
      const { body, headers } = signed(...told);
      return people.send('POST', '/payments/webhooks/sandbox', body, undefined, headers);
    },
    given: async (more: object = {}, to: How = {}): Promise<Given> => {
      const { status, json, text } = await give(wish(more), to);
      if (status !== 201) throw new Error(text);
      return json as unknown as Given;
    },
    statusOf: async ({ id, statusToken }: Given) => (await people.send('GET', `/donations/${id}?token=${statusToken}`)).json.status,
    sumsOf: async (id: string) => {
      const { json } = await people.send('GET', `/campaigns/${id}`);
      return [json.raisedCents, json.donorCount];
    },
    books: (id: string) => booksOf(people.rows, id),
  };
}

/** What the books say of a campaign at this moment. */
export async function booksOf(rows: Awaited<ReturnType<typeof openPeople>>['rows'], id: string) {
  const [row] = await rows<{ raised: number; gifts: number; ledger: number; donors: number; counted: number }>(
    `SELECT (SELECT coalesce(sum(raised_cents), 0) FROM campaign_totals WHERE campaign_id = $1)::int
         + (SELECT coalesce(sum(cents), 0) FROM campaign_tail WHERE campaign_id = $1)::int AS raised,
       (SELECT coalesce(sum(amount_cents), 0) FROM donations WHERE campaign_id = $1 AND status = 'confirmed')::int AS gifts,
       (SELECT coalesce(sum(CASE WHEN kind = 'gift' THEN amount_cents ELSE -amount_cents END), 0) FROM ledger WHERE campaign_id = $1)::int AS ledger,
       (SELECT count(DISTINCT donor_key) FROM donations WHERE campaign_id = $1 AND status = 'confirmed')::int AS donors,
       (SELECT coalesce(sum(donor_count), 0) FROM campaign_totals WHERE campaign_id = $1)::int
         + (SELECT coalesce(sum(donors), 0) FROM campaign_tail WHERE campaign_id = $1)::int AS counted`,
    [id],
  );
  return row!;
}

export type Donations = Awaited<ReturnType<typeof openDonations>>;
