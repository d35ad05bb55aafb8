import type { Environment } from '../../src/config/config.js';
import { newId } from '../../src/kernel/ids.js';
import { openDonations } from './donations.js';
import { eventually } from './lab.js';
import type { Session } from './people.js';

export const template = { name: 'campaign_news', language: 'pt_BR', parameters: ['{name}', 'Um telhado novo', 'As telhas chegaram!'] };

export interface Progress {
  id: string;
  status: string;
  counts: Record<string, number>;
  plan: { endsAt: string; willGo: number };
  endsAt: string | null;
  createdAt: string;
  startedAt: string | null;
  endedAt: string | null;
}

interface Gift {
  phone: string | null;
  consent?: boolean;
  name?: string | null;
  cents?: number;
  donor?: string;
  user?: string;
  at?: string;
  status?: string;
}

export const phoneOf = (place: number) => `+55119${60_000_000 + place}`;

/** Progress adds up at every moment. */
export function addsUp({ counts: { total, ...rest } }: Progress): boolean {
  return Object.values(rest).reduce((sum, count) => sum + count, 0) === total;
}

/** An installation with a campaign, its supporters, and broadcasts to them. */
export async function openBroadcasts(env: Environment = {}) {
  const donations = await openDonations({ WHATSAPP_ENFORCE_WINDOW: 'false', ...env });
  const { people, ana, open, rows } = donations;

  async function gift(campaignId: string, gifts: Gift[]): Promise<void> {
    for (const { phone, consent = true, name = 'Ana Souza', cents = 5_000, donor = newId(), user, at, status = 'confirmed' } of gifts)
      await rows(
        `INSERT INTO donations (id, campaign_id, user_id, donor_key, donor_name, donor_phone, messaging_consent, anonymous, amount_cents, currency,
           provider, method, status, created_at, expires_at, confirmed_at)
         VALUES ($1, $2, $3, coalesce($3::uuid, $4::uuid), $5, $6, $7, false, $8, 'BRL', 'sandbox', 'pix', $9, $10, $10, $10)`,
        [newId(), campaignId, user, donor, name, phone, consent, cents, status, at ?? new Date().toISOString()],
      );
  }

  /** So many guests who all consented, each with a number of his own. */
  const crowd = (campaignId: string, many: number, from = 0) =>
    rows(
      `INSERT INTO donations (id, campaign_id, donor_key, donor_name, donor_phone, messaging_consent, anonymous, amount_cents, currency,
         provider, method, status, created_at, expires_at, confirmed_at)
       SELECT gen_random_uuid(), $1, gen_random_uuid(), 'Bia Lima', '+55119' || (60000000 + $3 + n), true, false, 5000, 'BRL', 'sandbox', 'pix',
         'confirmed', now(), now(), now() FROM generate_series(0, $2 - 1) AS n`,
      [campaignId, many, from],
    );

  const ask = (method: string, path: string, body?: unknown, as: Session = ana, at = people) =>
    at.send(method, `/queues/whatsapp/broadcasts${path}`, body, as.accessToken);
  const wish = (more: object = {}) => ({ campaignId: open.id, template, audience: { kind: 'supporters' }, ...more });

  async function send(more: object = {}, as = ana): Promise<Progress> {
    const { status, json, text } = await ask('POST', '', wish(more), as);
    if (status !== 201) throw new Error(text);
    return json as unknown as Progress;
  }
  const look = async (id: string): Promise<Progress> => {
    const { status, json, text } = await ask('GET', `/${id}`);
    if (status !== 200) throw new Error(text);
    return json as unknown as Progress;
  };
  return {
    ...donations,
    ...{ gift, crowd, ask, wish, send, look },
    until: (id: string, right: (progress: Progress) => boolean, ms?: number) => eventually(() => look(id), right, ms),
    messages: (id: string) =>
      rows<{ phone: string; state: string; why: string | null; template: typeof template; rank_at: Date }>(
        'SELECT phone, state, why, template, rank_at FROM whatsapp_messages WHERE broadcast_id = $1 ORDER BY rank_at, id',
        [id],
      ),
  };
}

export type BroadcastSite = Awaited<ReturnType<typeof openBroadcasts>>;
