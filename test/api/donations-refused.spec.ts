import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { openDonations, type Donations, SECRET, wish } from '../support/donations.js';
import { codesOf, type Session } from '../support/people.js';

const CAMPAIGN = { title: 'Um poço', summary: 'A seca.', description: '<p>Água.</p>', goalCents: 100_000 };

let d: Donations;
beforeAll(async () => {
  d = await openDonations();
});
afterAll(() => d.close());

describe('Refused', () => {
  it('is a gift of nobody', async () => {
    expect(codesOf(await d.give(wish({ donor: undefined })))).toEqual([401, 'unauthenticated']);
  });

  it('is a gift without a key before anyone could learn whether its campaign is there', async () => {
    const { slug } = await d.campaign(false);
    for (const at of [slug, 'no-such-campaign'])
      expect(codesOf(await d.send('POST', `/campaigns/${at}/donations`, wish()))).toEqual([400, 'idempotency_key_required']);
  });

  it('is nothing to a guest because another guest took the same key', async () => {
    const key = newId();
    const [one, other] = [await d.give(wish(), { key }), await d.give(wish(), { key })];
    expect([one.status, other.status, one.json.id === other.json.id]).toEqual([201, 201, false]);
  });

  it('is what is its owner’s to a key that is not for reading, by the name of what it lacks', async () => {
    const keyFor = async (scope: string) =>
      String((await d.send('POST', '/auth/api-keys', { name: scope, scopes: [scope] }, d.ana.accessToken)).json.key);
    const [ai, write] = [await keyFor('ai'), await keyFor('write')];
    const { id } = await d.campaign(false);
    const theirs = await d.send('POST', '/campaigns', CAMPAIGN, d.eva.accessToken);
    const own = await d.given({}, { as: d.ana });
    const hidden = [`/campaigns/${id}`, `/campaigns/${id}/updates`, `/campaigns/${id}/donations`, '/campaigns?ownerId=me'];
    for (const path of [...hidden, `/donations/${own.id}`, `/donations/${own.id}/receipt.pdf`])
      expect([path, (await d.send('GET', path, undefined, ai)).json]).toMatchObject([
        path,
        { status: 403, code: 'forbidden', detail: 'This key lacks the scope read.' },
      ]);
    expect(codesOf(await d.send('GET', `/campaigns/${String(theirs.json.id)}`, undefined, ai))).toEqual([404, 'not_found']);
    for (const path of ['/campaigns', `/campaigns/${d.open.id}`, `/donations/${own.id}?token=${own.statusToken}`])
      expect((await d.send('GET', path, undefined, ai)).status).toBe(200);
    expect((await d.send('POST', '/campaigns', CAMPAIGN, write)).status).toBe(201);
    expect((await d.send('POST', `/campaigns/${id}/publish`, undefined, write)).json.status).toBe('active');
  });

  it('is a gift without a key, or with one that is none', async () => {
    const path = `/campaigns/${d.open.id}/donations`;
    expect(codesOf(await d.send('POST', path, wish()))).toEqual([400, 'idempotency_key_required']);
    for (const key of ['', 'a b', 'ключ', 'x'.repeat(256)].map((text) => Buffer.from(text).toString('latin1')))
      expect(codesOf(await d.give(wish(), { key }))).toEqual([400, 'idempotency_key_invalid']);
  });

  it.each<[string, object]>([
    ['amountCents', { amountCents: -100 }],
    ['amountCents', { amountCents: 0 }],
    ['amountCents', { amountCents: 99 }],
    ['amountCents', { amountCents: 100_000_001 }],
    ['amountCents', { amountCents: 100.5 }],
    ['amountCents', { amountCents: '5000' }],
    ['amountCents', { amountCents: 1e12 }],
    ['currency', { currency: 'USD' }],
    ['method', { method: 'cash' }],
    ['message', { message: 'x'.repeat(501) }],
    ['message', { message: 'a\0b' }],
    ['message', { message: 'a\u202eb' }],
    ['message', { message: 'a\ud800b' }],
    ['anonymous', { anonymous: 'yes' }],
    ['donor.email', { donor: { name: 'Bruno', email: 'bruno' } }],
    ['donor.name', { donor: { name: ' ', email: 'b@example.org' } }],
    ['donor.phone', { donor: { name: 'Bruno', email: 'b@example.org', phone: '123' } }],
    ['status', { status: 'confirmed' }],
    ['campaignId', { campaignId: newId() }],
  ])('is a gift whose %s is as in %j', async (path, more) => {
    const { status, json } = await d.give(wish(more));
    expect([status, json.code, json.errors]).toEqual([422, 'validation_failed', [expect.objectContaining({ path })]]);
  });

  it('is a gift to what is not there, or takes none', async () => {
    expect(codesOf(await d.give(wish(), { at: newId() }))).toEqual([404, 'not_found']);
    expect(codesOf(await d.give(wish(), { at: 'no-such-campaign' }))).toEqual([404, 'not_found']);
    const { id } = await d.campaign(false);
    expect(codesOf(await d.give(wish(), { at: id }))).toEqual([404, 'not_found']);
    expect(codesOf(await d.give(wish(), { at: id, as: d.ana }))).toEqual([409, 'campaign_not_open']);
    for (const step of ['publish', 'close']) await d.send('POST', `/campaigns/${id}/${step}`, undefined, d.ana.accessToken);
    const key = newId();
    const first = await d.give(wish({ donor: { name: 'B', email: 'b@example.org' } }), { at: id, key });
    const again = await d.give(wish({ donor: { name: 'B', email: 'b@example.org' } }), { at: id, key });
    expect(codesOf(first)).toEqual([409, 'campaign_not_open']);
    expect([again.status, again.text, again.headers.get('idempotency-replayed')]).toEqual([409, first.text, 'true']);
    expect(await d.rows('SELECT FROM donations WHERE campaign_id = $1', [id])).toEqual([]);
  });

  it('is somebody else’s gift', async () => {
    const own = await d.given({}, { as: d.donor });
    const path = `/donations/${own.id}`;
    expect(codesOf(await d.send('GET', path))).toEqual([401, 'unauthenticated']);
    for (const token of ['x', (await d.given()).statusToken])
      expect(codesOf(await d.send('GET', `${path}?token=${token}`))).toEqual([401, 'unauthenticated']);
    expect(codesOf(await d.send('GET', path, undefined, d.eva.accessToken))).toEqual([404, 'not_found']);
    expect(codesOf(await d.send('GET', `/donations/${newId()}`, undefined, d.donor.accessToken))).toEqual([404, 'not_found']);
    expect((await d.send('GET', path, undefined, d.donor.accessToken)).status).toBe(200);
    expect((await d.send('GET', path, undefined, d.admin.accessToken)).status).toBe(200);
  });

  it('is a webhook whose proof is wrong, old, or of other bytes', async () => {
    const { id } = await d.given();
    expect(codesOf(await d.tell(id, {}, 'another secret'))).toEqual([401, 'unauthenticated']);
    expect(codesOf(await d.tell(id, {}, SECRET, Date.now() - 400_000))).toEqual([401, 'unauthenticated']);
    for (const signature of ['', 't=1', 't=1,v1=00', `t=${Math.floor(Date.now() / 1_000)},v1=${'0'.repeat(64)}`])
      expect(
        codesOf(await d.send('POST', '/payments/webhooks/sandbox', { id: 'x' }, undefined, { 'x-sandbox-signature': signature })),
      ).toEqual([401, 'unauthenticated']);
    for (const type of ['application/json', 'text/plain', 'text/xml', 'application/json; charset=latin1', ''])
      expect(
        codesOf(await d.ask('/api/v1/payments/webhooks/sandbox', { method: 'POST', headers: { 'content-type': type }, body: '{"id":' })),
      ).toEqual([401, 'unauthenticated']);
    expect(codesOf(await d.tell(id, { type: 'payment.stolen' }))).toEqual([422, 'validation_failed']);
    expect(codesOf(await d.tell('not-an-id'))).toEqual([422, 'validation_failed']);
  });

  it('is a refund by strangers, donors and other organizers, and of what is not confirmed', async () => {
    const gift = await d.given({}, { as: d.donor });
    const refund = (as?: Session, body: object = { reason: 'Twice' }, id = gift.id) =>
      d.send('POST', `/donations/${id}/refund`, body, as?.accessToken);
    expect(codesOf(await refund())).toEqual([401, 'unauthenticated']);
    expect(codesOf(await refund(d.donor))).toEqual([403, 'forbidden']);
    expect(codesOf(await refund(d.eva))).toEqual([404, 'not_found']);
    expect(codesOf(await refund(d.ana, { reason: 'x' }, newId()))).toEqual([404, 'not_found']);
    expect(codesOf(await refund(d.ana))).toEqual([409, 'conflict']);
    expect(codesOf(await refund(d.ana, {}))).toEqual([422, 'validation_failed']);
    expect(codesOf(await refund(d.ana, { reason: 'x', amountCents: 1 }))).toEqual([422, 'validation_failed']);
  });

  it('are held payments, to all but admins', async () => {
    for (const [method, path] of [
      ['GET', '/payments/held'],
      ['POST', '/payments/held/sandbox/x/resolve'],
    ] as const) {
      const body = method === 'POST' ? { outcome: 'accept' } : undefined;
      expect(codesOf(await d.send(method, path, body))).toEqual([401, 'unauthenticated']);
      expect(codesOf(await d.send(method, path, body, d.ana.accessToken))).toEqual([403, 'forbidden']);
    }
    expect(codesOf(await d.send('POST', '/payments/held/sandbox/x/resolve', { outcome: 'accept' }, d.admin.accessToken))).toEqual([
      404,
      'not_found',
    ]);
  });
});
