import { pause } from '../../../src/kernel/waiting.js';
import { within } from '../../load/crowd.js';
import { send } from './asking.js';
import { done, everything, fault, type Ground } from './fault.js';
import { settled } from './judge.js';
import { RATE_PER_SECOND, type Site } from './site.js';

const MANY = 50_000;
const AT_ONCE = 10_000;
const LOOK_MS = 500;
const AGAIN_MS = 30_000;
/** As the pace allows it takes a third of this; on a machine that others use, too, whoever sends is behind it. */
const MOST_SECONDS = (3 * MANY) / RATE_PER_SECOND + 60;
/** What one of the crowd writes is not to wait for any of these: they are given turns for 0.6 s at once. */
const DIRECT_MS = { p95: 1_500, most: 5_000 };
const BROADCASTS = '/api/v1/queues/whatsapp/broadcasts';
const template = { name: 'campaign_news', language: 'pt_BR', parameters: ['{name}', 'Um telhado novo', 'As telhas chegaram!'] };

type Asked = Awaited<ReturnType<typeof send>>;

/** Again where he is told to come again: it is not he who is judged. */
async function asOwner({ url, owner }: Site, path: string, body?: unknown): Promise<Asked['json']> {
  const { token, address } = owner;
  const ask = () => send(url, { method: body === undefined ? 'GET' : 'POST', path, body, token, address });
  const { status, json, text, fault } = await settled(ask, (answer) => answer.status !== 503, AGAIN_MS);
  if (status < 200 || status > 299) throw new Error(`${path}: ${status} ${fault ?? text.slice(0, 200)}`);
  return json;
}

/** A campaign of its own to which so many have given who want messages: its gifts are none of those that are judged. */
async function supporters(site: Site): Promise<string> {
  const body = { title: 'Um telhado para muitos', summary: 'A chuva entra.', description: '<p>Muitas.</p>', goalCents: 5_000_000 };
  const { id } = await asOwner(site, '/api/v1/campaigns', body);
  await asOwner(site, `/api/v1/campaigns/${String(id)}/publish`, {});
  for (let from = 0; from < MANY; from += AT_ONCE)
    await site.rows(
      `INSERT INTO donations (id, campaign_id, donor_key, donor_name, donor_phone, messaging_consent, anonymous, amount_cents, currency,
         provider, method, status, created_at, expires_at, confirmed_at)
       SELECT gen_random_uuid(), $1, gen_random_uuid(), 'Bia Lima', '+55219' || (60000000 + n), true, false, 5000, 'BRL', 'pix', 'pix',
         'confirmed', now(), now(), now() FROM generate_series($2::int, $3::int) AS n`,
      [id, from, Math.min(MANY, from + AT_ONCE) - 1],
    );
  return String(id);
}

/** Until all of them have an end; how far it came at most behind, and how long it took. */
async function untilSent(site: Site, id: string) {
  const began = performance.now();
  let longest = 0;
  for (;;) {
    const { status, counts } = (await asOwner(site, `${BROADCASTS}/${id}`)) as { status: string; counts: Record<string, number> };
    const seconds = (performance.now() - began) / 1_000;
    longest = Math.max(longest, (counts.queued ?? 0) + (counts.sending ?? 0));
    if (status === 'done') return { counts, seconds, longest };
    if (seconds > MOST_SECONDS) await asOwner(site, `${BROADCASTS}/${id}/cancel`, {});
    if (seconds > MOST_SECONDS) throw new Error(`after ${Math.round(seconds)} s it is ${status}: ${JSON.stringify(counts)}`);
    await pause(LOOK_MS);
  }
}

/** Most that fell into any second. */
function mostInASecond(moments: readonly number[]): number {
  const sorted = Float64Array.from(moments).sort();
  let from = 0;
  return sorted.reduce((most, at, to) => {
    while (at - sorted[from]! >= 1_000) from += 1;
    return Math.max(most, to - from + 1);
  }, 0);
}

/** What Meta has taken of it: each once. */
async function heardOf({ rows, cloud }: Site, id: string) {
  const sent = new Set(
    (await rows<{ id: string }>('SELECT id::text FROM whatsapp_messages WHERE broadcast_id = $1', [id])).map((row) => row.id),
  );
  const heard = cloud.journal().filter(({ id: message, reference }) => reference !== undefined && sent.has(message ?? ''));
  const phones = new Set(heard.map(({ to }) => to));
  return { taken: heard.length, phones: phones.size, most: mostInASecond(heard.map(({ at }) => at)) };
}

/** From the question of each of the crowd's own messages to its arrival at Meta. */
function directMs({ site: { cloud }, asked }: Ground, since: number): Float64Array {
  const arrived = new Map(cloud.journal().map(({ id, at }) => [id, at - performance.timeOrigin]));
  const own = asked().filter(({ kind, at, outcome }) => kind === 'messages' && at >= since && outcome?.verdict === 'right');
  return Float64Array.from(own.map(({ at, outcome }) => (arrived.get(outcome!.id) ?? Infinity) - at)).sort();
}

async function sendAll(ground: Ground) {
  const { site, note } = ground;
  const campaignId = await supporters(site);
  const since = performance.now();
  const { id } = await asOwner(site, BROADCASTS, { campaignId, template, audience: { kind: 'supporters' }, dedupeKey: campaignId });
  const { counts, seconds, longest } = await untilSent(site, String(id));
  // What was asked for a moment ago is still on its way.
  await pause(DIRECT_MS.most);
  const { taken, phones, most } = await heardOf(site, String(id));
  const waits = directMs(ground, since).filter((ms) => ms !== Infinity);
  const [p95, longestMs] = [Math.round(within(waits, 0.95)), Math.round(waits.at(-1) ?? 0)];
  note(
    `${taken.toLocaleString('en')} were with Meta after ${Math.round(seconds)} s, at most ${most} in any second (${RATE_PER_SECOND} allowed), at most ` +
      `${longest.toLocaleString('en')} waited at once; the crowd's own ${waits.length} messages were there after ${p95} ms (P95), ${longestMs} ms at most`,
  );
  return [
    ...(counts.sent !== MANY || counts.total !== MANY ? [`the broadcast says ${JSON.stringify(counts)}`] : []),
    ...(taken !== MANY || phones !== MANY ? [`Meta has taken ${taken} for ${phones} people`] : []),
    ...(longest < MANY / 2 ? [`only ${longest} waited at once`] : []),
    ...(most > RATE_PER_SECOND * 1.05 ? [`${most} in one second`] : []),
    ...(waits.length === 0 || p95 > DIRECT_MS.p95 || longestMs > DIRECT_MS.most
      ? [`the crowd's own waited ${p95} ms (P95), ${longestMs} ms`]
      : []),
  ];
}

export const lineFaults = [
  fault({
    name: `${MANY.toLocaleString('en')} WhatsApp messages wait, and are sent`,
    promise: `each is taken once, at the pace; what a person waits for is with Meta after ${DIRECT_MS.p95 / 1_000} s (P95); nobody else notices`,
    ...{ seconds: 1, spares: everything, backSeconds: 1 },
    async inject(ground) {
      const wrong = await sendAll(ground);
      if (wrong.length > 0) throw new Error(wrong.join('; '));
      return done;
    },
  }),
];
