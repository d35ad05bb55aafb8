import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Readiness } from '../../src/http/readiness.js';
import { canonicalSql } from '../../src/queues/whatsapp/broadcasts/audience.store.js';
import { filledIn, firstNameOf } from '../../src/queues/whatsapp/broadcasts/wording.js';
import { canonicalPhone } from '../../src/queues/whatsapp/provider/phones.js';
import { openBroadcasts, template, type BroadcastSite } from '../support/broadcasts.js';
import { aNotice, aStatus } from '../support/cloud-api.answers.js';
import { startCloudApi, type CloudApi } from '../support/cloud-api.js';
import { farOr } from '../support/drills.js';
import { requestOf } from '../support/request.js';

let cloud: CloudApi;
let site: BroadcastSite;
beforeAll(async () => {
  cloud = await startCloudApi();
  site = await openBroadcasts({ ...cloud.env, WHATSAPP_RATE_PER_SECOND: '40', WHATSAPP_ENFORCE_WINDOW: 'true' });
});
afterAll(async () => {
  await site.close();
  await cloud.close();
});

const eventsAt = (path: string, headers: Record<string, string> = {}, as = site.ana) =>
  fetch(`${site.url}/api/v1/queues/whatsapp/broadcasts${path}`, {
    ...requestOf('GET', undefined, as.accessToken, headers),
    signal: AbortSignal.timeout(60_000),
  });
const pieces = (text: string) =>
  text
    .split('\n\n')
    .filter((piece) => piece.startsWith('event:'))
    .map((piece) => {
      const [name, id, data] = piece.split('\n').map((line) => line.slice(line.indexOf(': ') + 2));
      return { name, id: id!, counts: (JSON.parse(data!) as { counts: Record<string, number> }).counts };
    });

it.each([
  ['template.name', { name: 'unheard_of' }],
  ['template.name', { name: 'paused_news', parameters: ['Ana'] }],
  ['template.parameters', { parameters: ['Ana'] }],
])('is refused where the provider would refuse it: %s', async (path, more) => {
  for (const route of ['', '/plan']) {
    const { status, json } = await site.ask('POST', route, site.wish({ template: { ...template, ...more } }));
    expect([status, json.errors]).toMatchObject([422, [{ path }]]);
  }
});

it('ends within a twentieth of its plan', async () => {
  const { crowd, send, until, campaign } = site;
  const { id: campaignId } = await campaign();
  await crowd(campaignId, 600);
  await site.rows(`UPDATE whatsapp_recipients SET next_at = now() - interval '1 minute'`);
  const { id, createdAt, plan } = await send({ campaignId });
  const { endedAt, counts } = await until(id, ({ status }) => status === 'done', 85_000);
  expect(counts).toMatchObject({ total: 600, sent: 600 });
  const [planned, real] = [plan.endsAt, endedAt!].map((moment) => Date.parse(moment) - Date.parse(createdAt)) as [number, number];
  // A machine that is busy with other things makes it late, which nobody could foresee; it is never there much sooner.
  expect(real / planned).toBeGreaterThanOrEqual(0.95);
  expect(real / planned).toBeLessThanOrEqual(farOr(1.05, 5));
});

it('is one for one key of its sender, many at once', async () => {
  const { crowd, ask, wish, campaign } = site;
  const { id: campaignId } = await campaign();
  await crowd(campaignId, 3, 5_000);
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask('POST', '', { ...wish({ campaignId }), dedupeKey: 'may-news' })));
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(9).fill(200), 201]);
  expect(new Set(answers.map(({ json }) => json.id)).size).toBe(1);
});

it('goes on where somebody went before his message was written, and calls people as they are called', async () => {
  const { gift, send, until, campaign, people } = site;
  const { id: campaignId } = await campaign();
  const person = await people.person();
  const phone = '+5511988000077';
  await people.send('PATCH', '/users/me', { phone, messagingConsent: true }, person.accessToken);
  await gift(campaignId, [{ phone: '+5511988000078', name: "$'Bob" }, { phone: '+5511988000079' }]);
  await site.rows(
    `UPDATE donations SET user_id = $1, donor_phone = NULL, donor_name = NULL WHERE id = (SELECT id FROM donations WHERE campaign_id = $2 AND donor_phone = '+5511988000079')`,
    [person.user.id, campaignId],
  );
  await site.rows(`INSERT INTO queue_states (queue, paused, changed_at) VALUES ('whatsapp', true, now())`);
  const { id } = await send({
    campaignId,
    template: { ...template, parameters: ['fim {name}!', ...template.parameters.slice(1)] },
  });
  expect((await people.send('DELETE', '/users/me', undefined, person.accessToken)).status).toBe(204);
  await site.rows('DELETE FROM queue_states');
  const { counts } = await until(id, ({ status }) => status === 'done');
  expect(counts).toMatchObject({ total: 1, sent: 1, queued: 0 });
  const [made] = await site.rows<{ template: { parameters: string[] } }>('SELECT template FROM whatsapp_messages WHERE broadcast_id = $1', [
    id,
  ]);
  expect(made!.template.parameters[0]).toBe("fim $'Bob!");
});

it('is told as it goes, from where one left, to few streams of one person', async () => {
  const { crowd, send, campaign, ask, eva } = site;
  const { id: campaignId } = await campaign();
  await crowd(campaignId, 100, 1_000);
  const { id } = await send({ campaignId });
  const stream = await eventsAt(`/${id}/events`);
  expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  const open = await Promise.all(Array.from({ length: 4 }, () => eventsAt(`/${id}/events`)));
  expect(open.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const refused = await eventsAt(`/${id}/events`);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5']);
  expect((await eventsAt(`/${id}/events`, {}, eva)).status).toBe(404);
  const [all] = await Promise.all([stream, ...open].map((one) => one.text()));
  const events = pieces(all!);
  expect(events.map(({ name }) => name)).toEqual([...events.slice(1).map(() => 'progress'), 'done']);
  for (const [at, { counts }] of events.slice(1).entries()) expect(counts.sent).toBeGreaterThanOrEqual(events[at]!.counts.sent!);
  const again = await eventsAt(`/${id}/events`, { 'last-event-id': events.at(-1)!.id });
  expect(pieces(await again.text()).map(({ name }) => name)).toEqual(['done']);
  expect((await ask('POST', `/${id}/cancel`)).status).toBe(409);
});

it('is reported: what became of it, and why', async () => {
  const { gift, send, until, campaign, ask, people } = site;
  const { id: campaignId } = await campaign();
  const phones = ['+5511988000001', '+5511988000002', '+5511988000003', '+5511988000004'];
  await gift(
    campaignId,
    phones.map((phone) => ({ phone })),
  );
  cloud.behave({ error: 131026 }, { to: phones[3]! });
  const { id } = await send({ campaignId });
  await until(id, ({ status }) => status === 'done');
  const taken = cloud.journal().filter(({ to }) => phones.slice(0, 3).includes(`+${String(to)}`));
  const statuses = [...taken.slice(0, 2).map((one) => aStatus(one, 'delivered')), aStatus(taken[0]!, 'read')];
  await cloud.notify(`${people.url}/api/v1/queues/whatsapp/webhook`, aNotice({ statuses }));
  const { status, json } = await ask('GET', `/${id}/report`);
  expect([status, json]).toMatchObject([
    200,
    {
      counts: { total: 4, sent: 1, delivered: 1, read: 1, failed: 1 },
      reasons: [{ status: 'failed', code: 131026, messages: 1 }],
      deliveryRate: 0.5,
      readRate: 0.5,
    },
  ]);
  const table = await ask('GET', `/${id}/report.csv`);
  expect(table.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect(table.text.split('\r\n')).toEqual(expect.arrayContaining(['status,code,reason,messages', 'failed,,,1', 'read,,,1']));
});

it('knows telephones in the database by the same name as everywhere', async () => {
  const digits = fc.stringMatching(/^[0-9]{6,9}$/);
  const numbers = fc.oneof(
    fc.tuple(fc.constantFrom('+55', '+521', '+52', '+1', '+5511', '+55119', '+5581'), digits).map((parts) => parts.join('')),
    fc.stringMatching(/^\+[1-9][0-9]{6,14}$/),
  );
  const given = fc.sample(numbers, 3_000);
  const rows = await site.rows<{ phone: string; name: string }>(
    `SELECT phone, ${canonicalSql('phone')} AS name FROM unnest($1::text[]) AS phone`,
    [given],
  );
  expect(rows.filter(({ phone, name }) => canonicalPhone(phone) !== name)).toEqual([]);
  expect(rows.some(({ phone, name }) => phone !== name)).toBe(true);
});

it.each([
  ['Maria da Silva', 'Maria'],
  ['  josé  ', 'josé'],
  [null, 'amigo(a)'],
  ['', 'amigo(a)'],
  ['123', 'amigo(a)'],
  ['x'.repeat(200), 'x'.repeat(60)],
])('calls %j %j', (name, first) => expect(firstNameOf(name)).toBe(first));

it('fills in what is there, once', () => {
  expect(filledIn('{{1}}, {{ 2 }}, {{3}} {{1}}', ['{{2}}', 'b'])).toBe('{{2}}, b, {{3}} {{2}}');
});

it('ends its streams when the process stops, with nothing that looks like its end', async () => {
  const { crowd, send, campaign, ask, people } = site;
  const { id: campaignId } = await campaign();
  await crowd(campaignId, 100, 2_000);
  const { id } = await send({ campaignId });
  expect((await ask('POST', `/${id}/pause`)).status).toBe(200);
  const stream = await eventsAt(`/${id}/events`);
  people.app.get(Readiness).drain();
  expect(pieces(await stream.text()).filter(({ name }) => name !== 'progress')).toEqual([]);
});
