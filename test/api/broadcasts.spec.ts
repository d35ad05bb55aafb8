import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { addsUp, openBroadcasts, phoneOf, template, type BroadcastSite } from '../support/broadcasts.js';
import { codesOf } from '../support/people.js';

let site: BroadcastSite;
beforeAll(async () => {
  site = await openBroadcasts({ WHATSAPP_RATE_PER_SECOND: '100' });
});
afterAll(() => site.close());

describe('Refused', () => {
  it('are strangers, donors, and whoever looks for what is not there', async () => {
    const { ask, wish, admin, donor, people } = site;
    const id = newId();
    for (const [method, path, json] of [
      ['POST', '', wish()],
      ['POST', '/plan', wish()],
      ['POST', '/preview', { template }],
      ['GET', ''],
      ['GET', `/${id}`],
      ['POST', `/${id}/pause`],
      ['POST', `/${id}/resume`],
      ['POST', `/${id}/cancel`],
      ['GET', `/${id}/events`],
      ['GET', `/${id}/report`],
      ['GET', `/${id}/report.csv`],
    ] as const) {
      expect(codesOf(await people.send(method, `/queues/whatsapp/broadcasts${path}`, json))).toEqual([401, 'unauthenticated']);
      expect(codesOf(await ask(method, path, json, donor))).toEqual([403, 'forbidden']);
      if (path.includes(id)) expect(codesOf(await ask(method, path, json, admin))).toEqual([404, 'not_found']);
    }
  });

  it('is whoever does not own the campaign', async () => {
    const { ask, wish, eva, campaign, send } = site;
    const draft = await campaign(false);
    for (const path of ['', '/plan']) {
      expect(codesOf(await ask('POST', path, wish(), eva))).toEqual([403, 'forbidden']);
      expect(codesOf(await ask('POST', path, wish({ campaignId: draft.id }), eva))).toEqual([404, 'not_found']);
      expect(codesOf(await ask('POST', path, wish({ campaignId: newId() })))).toEqual([404, 'not_found']);
    }
    const { id } = await send({ campaignId: draft.id });
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/cancel'],
      ['GET', '/report'],
      ['GET', '/events'],
    ] as const)
      expect(codesOf(await ask(method, `/${id}${path}`, undefined, eva))).toEqual([404, 'not_found']);
    expect(codesOf(await ask('GET', `?campaignId=${site.open.id}`, undefined, eva))).toEqual([403, 'forbidden']);
  });

  it.each<[string, object]>([
    ['campaignId', { campaignId: '' }],
    ['template', { template: undefined }],
    ['template.name', { template: { ...template, name: 'Not A Name' } }],
    ['audience', { audience: undefined }],
    ['audience.kind', { audience: { kind: 'everybody' } }],
    ['audience.minCents', { audience: { kind: 'supporters', minCents: -1 } }],
    ['audience.minCents', { audience: { kind: 'supporters', minCents: 0.5 } }],
    ['audience.since', { audience: { kind: 'supporters', since: 'yesterday' } }],
    ['audience', { audience: { kind: 'supporters', to: '+5511987654321' } }],
    ['', { text: 'Olá' }],
  ])('is a fault of %s', async (path, more) => {
    const { status, json } = await site.ask('POST', '', site.wish(more));
    expect([status, json.code]).toEqual([422, 'validation_failed']);
    expect((json.errors as { path: string }[])[0]!.path).toContain(path);
  });
});

it('is told without persons to whoever is no admin', async () => {
  const { gift, send, until, campaign, people, ana, admin, ask } = site;
  const { id: campaignId } = await campaign();
  await gift(campaignId, [{ phone: phoneOf(9_001), name: 'Zenobia Segredo' }]);
  const { id } = await send({ campaignId });
  await until(id, ({ counts }) => counts.queued === 0 && counts.sending === 0);
  const read = async (as: typeof ana) => (await people.send('GET', '/queues/whatsapp/messages?limit=1', undefined, as.accessToken)).text;
  expect(await read(ana)).not.toMatch(/Zenobia|\+55/);
  expect(await read(admin)).toMatch(/Zenobia/);
  expect((await ask('GET', `/${id}`)).status).toBe(200);
});

it('in the name of a campaign that is held goes to nobody more, and none is begun', async () => {
  const { crowd, send, until, look, ask, wish, campaign, people, ana, admin } = site;
  const { id: campaignId } = await campaign();
  await crowd(campaignId, 1_000, 20_000);
  const { id } = await send({ campaignId });
  await until(id, ({ counts }) => (counts.sent ?? 0) + (counts.delivered ?? 0) > 0);
  expect((await people.send('POST', `/campaigns/${campaignId}/hold`, undefined, admin.accessToken)).status).toBe(200);
  expect(codesOf(await ask('POST', '', wish({ campaignId })))).toEqual([409, 'campaign_state']);
  const stopped = await until(id, ({ status, counts }) => status === 'paused' && counts.sending === 0);
  expect(stopped.counts.queued).toBeGreaterThan(0);
  for (const as of [ana, admin]) expect(codesOf(await ask('POST', `/${id}/resume`, undefined, as))).toEqual([409, 'campaign_state']);
  expect(await look(id)).toMatchObject({ status: 'paused', counts: stopped.counts });
  expect((await people.send('POST', `/campaigns/${campaignId}/release`, undefined, admin.accessToken)).status).toBe(200);
  expect((await ask('POST', `/${id}/resume`)).status).toBe(200);
  await ask('POST', `/${id}/cancel`, undefined, admin);
});

it('goes to each telephone once, to whoever consented and gave enough, and to nobody else', async () => {
  const { gift, send, until, messages, ask, wish, campaign, rows, people } = site;
  const { id: campaignId } = await campaign();
  const member = async (phone: string | null, consent: boolean, more = '') => {
    const { user } = await people.person();
    await rows(`UPDATE users SET phone = $2, messaging_consent = $3${more} WHERE id = $1`, [user.id, phone, consent]);
    return { user: user.id, phone: '+5511900000000', consent: !consent };
  };
  const twice = newId();
  await gift(campaignId, [
    { phone: '+551187654321', name: 'Caio Melo' },
    { phone: '+5511987654321', name: 'Caio Melo' },
    { phone: '+5511987000001', name: null },
    { phone: '+5511987000002', consent: false },
    { phone: '+5511987000003', donor: twice, at: '2026-01-01', consent: false, cents: 100 },
    { phone: '+5511987000004', donor: twice, at: '2026-02-01', cents: 2_900, name: 'Dora' },
    { phone: '+5511987000005', cents: 2_999 },
    { phone: '+5511987000006', status: 'refunded' },
    { phone: '+5511987000007', at: '2025-12-31T23:59:59Z' },
    { phone: null },
    await member('+5511987000008', true),
    await member('+5511987000009', false),
    await member(null, true),
    await member('+5511987000010', true, ', disabled_at = now()'),
    await member('+5511987000011', true),
  ]);
  await rows(`INSERT INTO whatsapp_recipients (phone, next_at, opted_out, choice_at) VALUES ('+5511987000011', now(), true, now())`);
  const body = wish({ campaignId, audience: { kind: 'supporters', minCents: 3_000, since: '2026-01-01T00:00:00Z' } });
  const plan = await ask('POST', '/plan', body);
  expect([plan.status, plan.json]).toMatchObject([200, { recipients: 7, optedOut: 1, invalid: 2, willGo: 4, perSecond: 100 }]);
  expect(await rows('SELECT FROM whatsapp_broadcasts WHERE campaign_id = $1', [campaignId])).toEqual([]);
  const broadcast = await send(body);
  expect(broadcast).toMatchObject({ counts: { total: 7, optedOut: 1, invalid: 2 }, plan: { willGo: 4 } });
  expect(addsUp(broadcast)).toBe(true);
  const done = await until(broadcast.id, ({ status }) => status === 'done');
  expect(done.counts).toMatchObject({ total: 7, delivered: 4, queued: 0 });
  const sent = await messages(broadcast.id);
  expect(sent.map(({ phone, template: { parameters } }) => [phone, parameters[0]])).toEqual([
    ['+5511987000001', 'amigo(a)'],
    ['+5511987000004', 'Dora'],
    ['+5511987000008', 'Ana'],
    ['+5511987654321', 'Caio'],
  ]);
});

it('is for nobody where nobody gave', async () => {
  const { id: campaignId } = await site.campaign();
  const { id, plan } = await site.send({ campaignId });
  expect(plan).toMatchObject({ recipients: 0, startsAt: null, endsAt: null });
  expect((await site.until(id, ({ status }) => status === 'done')).counts.total).toBe(0);
});

it('passes by whoever opted out between its plan and his turn', async () => {
  const { crowd, send, until, messages, campaign, rows } = site;
  const { id: campaignId } = await campaign();
  await crowd(campaignId, 300, 1_000);
  const { id } = await send({ campaignId });
  await until(id, ({ counts }) => (counts.delivered ?? 0) > 0);
  await rows(`UPDATE whatsapp_recipients SET opted_out = true, choice_at = now() WHERE phone = $1`, [phoneOf(1_299)]);
  const { counts } = await until(id, ({ status }) => status === 'done');
  expect(counts).toMatchObject({ total: 300, delivered: 299, suppressed: 1, optedOut: 0 });
  expect((await messages(id)).at(-1)).toMatchObject({ phone: phoneOf(1_299), state: 'suppressed', why: 'opted_out' });
});

it('pauses, goes on and is cancelled while it flies; its counts add up at every moment', async () => {
  const { crowd, send, ask, look, until, campaign, rows } = site;
  const { id: campaignId } = await campaign();
  await crowd(campaignId, 1_500, 10_000);
  const { id } = await send({ campaignId });
  let odd = 0;
  const watch = { over: false };
  const watching = (async () => {
    while (!watch.over) if (!addsUp(await look(id))) odd += 1;
  })();
  await until(id, ({ counts, status }) => status === 'running' && (counts.delivered ?? 0) >= 20);
  const [before] = await rows<{ last: Date }>('SELECT last_rank_at AS last FROM whatsapp_broadcasts WHERE id = $1', [id]);

  const paused = await ask('POST', `/${id}/pause`);
  expect([paused.status, paused.json.status]).toEqual([200, 'paused']);
  expect((await ask('POST', `/${id}/pause`)).status).toBe(200);
  const still = await until(id, ({ counts }) => counts.sending === 0);
  const held = 'SELECT count(*)::int AS n FROM whatsapp_messages WHERE broadcast_id = $1 AND state <> $2 AND state = ANY($3)';
  const rest = ['later', 'queued', 'held', 'taken'];
  const astray = async () => (await rows<{ n: number }>(held, [id, 'held', rest]))[0]!.n;
  while ((await astray()) > 0);
  expect((await look(id)).counts).toEqual(still.counts);

  const resumed = await ask('POST', `/${id}/resume`);
  expect([resumed.status, resumed.json.status]).toEqual([200, 'running']);
  expect((await ask('POST', `/${id}/resume`)).status).toBe(200);
  const [after] = await rows<{ last: Date; max: Date }>(
    `SELECT last_rank_at AS last, (SELECT max(rank_at) FROM whatsapp_messages WHERE broadcast_id = $1) AS max FROM whatsapp_broadcasts WHERE id = $1`,
    [id],
  );
  expect(after!.last.getTime()).toBeGreaterThan(before!.last.getTime());
  expect(Math.abs(after!.max.getTime() - after!.last.getTime())).toBeLessThanOrEqual(1);
  await until(id, ({ counts }) => counts.delivered! > still.counts.delivered!);

  const cancelled = await ask('POST', `/${id}/cancel`);
  expect([cancelled.status, cancelled.json.status]).toEqual([200, 'cancelled']);
  expect((await ask('POST', `/${id}/cancel`)).status).toBe(200);
  for (const path of ['pause', 'resume']) expect(codesOf(await ask('POST', `/${id}/${path}`))).toEqual([409, 'conflict']);
  const end = await until(id, ({ counts }) => counts.sending === 0);
  expect(end.counts).toMatchObject({ queued: 0, suppressed: 1_500 - end.counts.delivered! });
  watch.over = true;
  await watching;
  expect(odd).toBe(0);
});

it('that is done stays so', async () => {
  const { gift, send, until, ask, campaign } = site;
  const { id: campaignId } = await campaign();
  await gift(campaignId, [{ phone: '+5511987100000' }]);
  const { id } = await send({ campaignId });
  const { startedAt, endedAt } = await until(id, ({ status }) => status === 'done');
  expect([startedAt, endedAt]).not.toContain(null);
  for (const path of ['pause', 'resume', 'cancel']) expect(codesOf(await ask('POST', `/${id}/${path}`))).toEqual([409, 'conflict']);
});

it('is listed for its campaign’s owner, and for admins', async () => {
  const { ask, send, campaign, admin, eva } = site;
  const { id: campaignId, slug } = await campaign();
  const made = [await send({ campaignId }), await send({ campaignId }), await send({ campaignId: slug })].map(({ id }) => id).reverse();
  const first = await ask('GET', `?campaignId=${campaignId}&limit=2`);
  const idsOf = ({ json }: typeof first) => (json.items as { id: string }[]).map(({ id }) => id);
  expect(idsOf(first)).toEqual(made.slice(0, 2));
  const second = await ask('GET', `?campaignId=${slug}&limit=2&cursor=${String(first.json.nextCursor)}`);
  expect([idsOf(second), second.json.nextCursor]).toEqual([made.slice(2), null]);
  expect(codesOf(await ask('GET', `?cursor=${String(first.json.nextCursor)}`))).toEqual([422, 'cursor_not_valid']);
  expect(idsOf(await ask('GET', '?limit=3', undefined, admin))).toEqual(made);
  expect(idsOf(await ask('GET', '', undefined, eva))).toEqual([]);
});

it('is shown as somebody would read it', async () => {
  const { status, json } = await site.ask('POST', '/preview', { template });
  expect([status, json]).toEqual([
    200,
    {
      name: 'Ana',
      parameters: ['Ana', 'Um telhado novo', 'As telhas chegaram!'],
      text: 'Olá, Ana! Novidade da campanha Um telhado novo: As telhas chegaram!',
    },
  ]);
  expect((await site.ask('POST', '/preview', { template: { ...template, name: 'unheard_of' } })).json).toMatchObject({ text: null });
});
